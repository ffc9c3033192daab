"""The host agent's part: registers the host, sends its heartbeat every second, answers on 9000 and 9001."""

import base64
import http.server
import json
import logging
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request

import pymysql

from omsflow import judge

FILE = "/home/ds/supervisor/config/supervisor.json"


def configuration():
    try:
        with open(FILE, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"bad configuration: {error}")


def connect(found):
    return pymysql.connect(
        host=found["oms_meta_host"],
        port=int(found["oms_meta_port"]),
        user=found["oms_meta_user"],
        password=found["oms_meta_password"],
        autocommit=True,
        connect_timeout=3,
        read_timeout=5,
        write_timeout=5,
    )


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def register(cursor, found):
    cursor.execute(
        f"INSERT INTO {quoted(found['cmDatabase'])}.host (ip, host_status, location, gmt_created, gmt_modified)"
        " VALUES (%s, 'ONLINE', %s, NOW(), NOW())"
        " ON DUPLICATE KEY UPDATE host_status = 'ONLINE', gmt_modified = NOW()",
        (found["hostIp"], found["cmLocation"]),
    )


def beat(cursor, found):
    database = quoted(found["heartbeatDatabase"])
    cursor.execute(
        f"INSERT INTO {database}.heart_beat (task_name, task_type, host_ip, gmt_created, gmt_modified)"
        " VALUES ('supervisor', 'SUPERVISOR', %s, NOW(), NOW()) ON DUPLICATE KEY UPDATE gmt_modified = NOW()",
        (found["hostIp"],),
    )
    cursor.execute(f"INSERT INTO {database}.heatbeat_sequence (gmt_created) VALUES (NOW())")


def beat_for_ever(found):
    """One connection as long as it lasts; a MetaDB that is away is tried again every second."""
    while True:
        try:
            connection = connect(found)
            with connection.cursor() as cursor:
                register(cursor, found)
                while True:
                    beat(cursor, found)
                    time.sleep(1)
        except (pymysql.Error, OSError) as error:
            logging.error("heartbeat failed: %s", error)
            time.sleep(1)


def post(found, path, body):
    request = urllib.request.Request(f"http://{found['metricServerAddr']}{path}", data=body.encode())
    pair = f"{found['metricUser']}:{found['metricPassword']}".encode()
    request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
    urllib.request.urlopen(request, timeout=3).read()


def report(found):
    """Without the time-series database that it is told of, the real one restarts for ever."""
    if found["metricServerAddr"] is None:
        return
    if found["metricServerType"] != "INFLUXDB":
        sys.exit(f"time-series database {found['metricServerType']} is not supported")
    try:
        post(found, "/query", urllib.parse.urlencode({"q": "CREATE DATABASE oms"}))
        post(found, "/write?db=oms", f"supervisor,host={found['hostIp']} started=1")
    except OSError as error:
        sys.exit(f"time-series database {found['metricServerAddr']}: {error}")


class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *arguments):
        logging.info(format, *arguments)


def main():
    signal.signal(signal.SIGQUIT, lambda *_: sys.exit(0))
    logging.basicConfig(
        filename="/home/admin/logs/supervisor/supervisor.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    found = configuration()
    report(found)
    servers = [http.server.ThreadingHTTPServer(("0.0.0.0", port), Agent) for port in (int(found["port"]), 9001)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    judge.record("supervisor_started", {"cm_nodes": found["cmNodes"]}, settings=found)
    logging.info("supervisor of %s started, cm_nodes %s", found["hostIp"], found["cmNodes"])
    beat_for_ever(found)


if __name__ == "__main__":
    main()
