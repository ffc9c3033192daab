#!/bin/bash
# Initialises this host's OMS in five steps, see OMS manual "docker_init.sh" and research/oms.md 4.1.
export PYTHONPATH=/root PYTHONUNBUFFERED=1
cd /root || exit 1
log="/home/admin/logs/docker_init.log.$(date +%Y-%m-%d.%H:%M:%S)"
services="nginx oms_console oms_drc_cm oms_drc_supervisor sshd"
language=$(python -m omsflow.judge setting language en)

say() { # ENGLISH CHINESE
    if [ "$language" = zh ]; then echo "$2"; else echo "$1"; fi
}

# NUMBER NAME ENGLISH CHINESE COMMAND…
step() {
    local number=$1 name=$2 english=$3 chinese=$4
    shift 4
    say "[Step $number] $english" "【步骤$number】$chinese"
    echo "$*"
    if ! python -m omsflow.judge step "$name" || ! "$@"; then
        say "[Failed] Step $number: $english" "【失败】步骤$number：$chinese"
        python -m omsflow.judge end failed "$name"
        return 1
    fi
}

restart_services() {
    # The names are the words of one command, as the manual prints it.
    # shellcheck disable=SC2086
    supervisorctl restart $services
    supervisorctl status
    python -m omsflow.judge pace restart
    supervisorctl status
    [ "$(supervisorctl status | grep -c RUNNING)" = 5 ]
}

initialise() {
    python -m omsflow.judge begin "$1" || return 1
    rm -f /root/init_flag.txt
    step 1 check "Check the configuration file" "检查配置文件" \
        python -m omsflow.scripts.units.oms_cluster_config --check /home/admin/conf/config.yaml || return 1
    step 2 schema "Initialize the MetaDB" "初始化元数据库" \
        python -m omsflow.scripts.units.oms_init_manager --init-db || return 1
    step 3 config "Generate the component configuration files" "生成组件配置文件" \
        python -m omsflow.scripts.units.oms_init_manager --init-config-file || return 1
    say "[Step 4] Restart the components" "【步骤4】重启组件"
    echo "supervisorctl restart $services"
    if ! python -m omsflow.judge step restart || ! restart_services; then
        say "[Failed] Step 4: Restart the components" "【失败】步骤4：重启组件"
        python -m omsflow.judge end failed restart
        return 1
    fi
    step 5 resource "Add resource labels and groups" "添加资源标签和资源组" \
        python -m omsflow.scripts.units.oms_cluster_manager add_resource || return 1
    date "+%F %T $(cat /etc/oms_version)" >/root/init_flag.txt
    python -m omsflow.judge end done all
    say "[Completed] All initialization steps are executed" "【结束】全部初始化步骤执行成功"
}

initialise $$ 2>&1 | tee -a "$log"
exit "${PIPESTATUS[0]}"
