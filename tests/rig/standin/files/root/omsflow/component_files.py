"""Writes the configuration files of nginx, the console, the cluster manager, the host agent and sshd."""

import json
import os
import pwd

from omsflow import settings as oms

TENGINE = "/home/ds/ghana/config/tengine.conf"
CONSOLE = "/home/ds/ghana/config/application-oms.properties"
CLUSTER_MANAGER = "/home/ds/cm/package/config/drc-cm.properties"
HOST_AGENT = "/home/ds/supervisor/config/supervisor.json"
SSHD = "/etc/ssh/sshd_config.d/oms.conf"
CERTIFICATE = "/etc/pki/nginx/oms_server.crt"
KEY = "/etc/pki/nginx/oms_server.key"

TENGINE_TEXT = """worker_processes 1;
pid /run/tengine.pid;
error_log /home/admin/logs/tengine-error.log;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log /home/admin/logs/tengine-access.log;
    server {{
        {listen}
        root /home/ds/ghana/console;
        location = /oms/health {{ proxy_pass http://127.0.0.1:{ghana}; proxy_connect_timeout 2s; }}
        location /api/ {{ proxy_pass http://127.0.0.1:{ghana}; }}
        location / {{ index index.html; }}
    }}
}}
"""


def write(path, text, mode=0o644, owner="root"):
    """Replaces a file; its secrets are never readable by others, not for a moment."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    found = pwd.getpwnam(owner)
    os.chown(path + ".new", found.pw_uid, found.pw_gid)
    os.replace(path + ".new", path)


def write_front(settings):
    """What is needed before initialisation: nginx and sshd on their ports."""
    port = oms.port(settings, "nginx_server_port")
    listen = f"listen {port};"
    if os.path.exists(CERTIFICATE) and os.path.exists(KEY):
        listen = f"listen {port} ssl; ssl_certificate {CERTIFICATE}; ssl_certificate_key {KEY};"
    write(TENGINE, TENGINE_TEXT.format(listen=listen, ghana=oms.port(settings, "ghana_server_port")))
    write(SSHD, f"Port {oms.port(settings, 'sshd_server_port')}\nPermitRootLogin prohibit-password\n")


def write_all(settings):
    write_front(settings)
    meta = {key: oms.text(settings, key) for key in ("oms_meta_host", "oms_meta_port", "oms_meta_user", "oms_meta_password")}
    console = {
        "spring.application.name": "Ghana-endpoint",
        "server.port": oms.port(settings, "ghana_server_port"),
        "oms.cm.port": oms.port(settings, "cm_server_port"),
        "oms.supervisor.port": oms.port(settings, "supervisor_server_port"),
        **meta,
        "oms.metadb.database": oms.text(settings, "drc_rm_db"),
    }
    write(CONSOLE, "".join(f"{name}={value}\n" for name, value in console.items()), mode=0o600)
    manager = {
        "drcCfg.cmLocation": oms.integer(settings, "cm_location"),
        "drcCfg.cmUrl": oms.text(settings, "cm_url"),
        "drcCfg.cmPort": oms.port(settings, "cm_server_port"),
        **meta,
        "drcCfg.cpuUsedPercentThresHold": "0.85",
        "drcCfg.memUsedPercentThresHold": "0.85",
        "drcCfg.diskUsedPercentThresHold": "0.90",
    }
    write(CLUSTER_MANAGER, "".join(f"{name}={value}\n" for name, value in manager.items()), mode=0o600)
    agent = {
        **meta,
        "hostIp": oms.host_ip(),
        "cmNodes": oms.nodes(settings),
        "cmUrl": oms.text(settings, "cm_url"),
        "cmLocation": oms.integer(settings, "cm_location"),
        "cmDatabase": oms.text(settings, "drc_cm_db"),
        "heartbeatDatabase": oms.text(settings, "drc_cm_heartbeat_db"),
        "port": oms.port(settings, "supervisor_server_port"),
        "metricServerAddr": oms.text(settings, "tsdb_url") if oms.boolean(settings, "tsdb_enabled", False) else None,
        "metricServerType": oms.text(settings, "tsdb_service", "CERESDB"),
        "metricUser": oms.text(settings, "tsdb_username"),
        "metricPassword": oms.text(settings, "tsdb_password"),
    }
    write(HOST_AGENT, json.dumps(agent, indent=2) + "\n", mode=0o600, owner="ds")
    for path in (CONSOLE, CLUSTER_MANAGER, HOST_AGENT, TENGINE, SSHD):
        print(f"wrote {path}")
