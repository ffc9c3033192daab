"""The cluster manager's part: answers on 8088, where cm_url points to."""

import http.server
import json
import logging
import sys

from omsflow import judge, metadb, settings as oms

PROPERTIES = "/home/ds/cm/package/config/drc-cm.properties"


def properties():
    try:
        with open(PROPERTIES, encoding="utf-8") as file:
            pairs = (line.rstrip("\n").partition("=") for line in file)
            return {name: value for name, _, value in pairs}
    except OSError as error:
        sys.exit(f"cannot read the configuration: {error}")


class ClusterManager(http.server.BaseHTTPRequestHandler):
    location = ""

    def do_GET(self):
        body = json.dumps({"success": True, "location": self.location, "host": oms.host_ip()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        logging.info(format, *arguments)


def main():
    logging.basicConfig(filename="/home/admin/logs/cm/log/service.log", level=logging.INFO, format="%(asctime)s %(message)s")
    settings = properties()
    refused = metadb.refusal(settings)
    if refused:
        sys.exit(f"the MetaDB does not let the cluster manager in: {refused}")
    ClusterManager.location = settings["drcCfg.cmLocation"]
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(settings["drcCfg.cmPort"])), ClusterManager)
    judge.record("cm_started", {})
    logging.info("cluster manager of location %s started", ClusterManager.location)
    server.serve_forever()


if __name__ == "__main__":
    main()
