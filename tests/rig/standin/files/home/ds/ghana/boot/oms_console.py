"""Ghana's part: serves /oms/health and a word about itself on the console's port."""

import http.server
import json
import logging
import os
import socket
import sys

from omsflow import judge, metadb

PROPERTIES = "/home/ds/ghana/config/application-oms.properties"
FLAG = "/root/init_flag.txt"


def properties():
    try:
        with open(PROPERTIES, encoding="utf-8") as file:
            pairs = (line.rstrip("\n").partition("=") for line in file)
            return {name: value for name, _, value in pairs}
    except OSError as error:
        sys.exit(f"spring.application.name must be configured: {error}")


def answers(host, port):
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def health(settings):
    """What is well: `healthy` only when this host is initialised and everything it needs answers."""
    parts = {
        "initialised": os.path.exists(FLAG) and os.path.getsize(FLAG) > 0,
        "oms_drc_cm": answers("127.0.0.1", settings["oms.cm.port"]),
        "oms_drc_supervisor": answers("127.0.0.1", settings["oms.supervisor.port"]),
        "metadb": answers(settings["oms_meta_host"], settings["oms_meta_port"]) and not metadb.refusal(settings),
    }
    return {"success": True, "code": "OMS-0000", "data": {"healthy": all(parts.values()), "parts": parts}}


class Console(http.server.BaseHTTPRequestHandler):
    settings = {}

    def do_GET(self):
        if self.path == "/oms/health":
            self.answer(200, health(self.settings))
        elif self.path.startswith("/api/"):
            self.answer(401, {"success": False, "code": "OMS-0401", "message": "log in first"})
        else:
            self.answer(404, {"success": False, "code": "OMS-0404", "message": "no such page"})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        logging.info(format, *arguments)


def main():
    logging.basicConfig(
        filename="/home/admin/logs/ghana/Ghana/common-default.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    Console.settings = properties()
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(Console.settings["server.port"])), Console)
    judge.record("console_started", {})
    logging.info("Ghana started on %s", Console.settings["server.port"])
    server.serve_forever()


if __name__ == "__main__":
    main()
