#!/bin/bash
# Entry of the container: checks how it was started, prepares from config.yaml, runs supervisord.
# Images that initialise themselves (/etc/oms_initialises_itself) do so here, see OMS manual and research/oms.md 3.2.
cd /root || exit 1
python -m omsflow.contract || exit 1
python -m omsflow.prepare || exit 1

if [ ! -e /etc/oms_initialises_itself ]; then
    exec supervisord --nodaemon --configuration /etc/supervisor/supervisord.conf
fi

supervisord --nodaemon --configuration /etc/supervisor/supervisord.conf >/dev/null 2>&1 &
supervisord=$!
trap 'kill -TERM "$supervisord"; wait "$supervisord"; exit 0' TERM INT QUIT
until supervisorctl pid >/dev/null 2>&1; do
    kill -0 "$supervisord" 2>/dev/null || exit 1
    sleep 0.1
done
if python -m omsflow.judge initialised || bash /root/docker_init.sh; then
    # Restarts of an initialised container come here too: the line says that services are up.
    until [ "$(supervisorctl status | grep -c RUNNING)" = 5 ]; do
        kill -0 "$supervisord" 2>/dev/null || exit 1
        sleep 0.2
    done
    echo "OMS service start successfully"
else
    echo "OMS service start failed"
fi
while kill -0 "$supervisord" 2>/dev/null; do
    wait "$supervisord"
done
