"""Step 5 of docker_init.sh: the region's resource group, with this host in it."""

import sys
import time

import pymysql

from omsflow import judge, metadb, settings as oms

HOST_ROW_PATIENCE = 30.0


def add_resource(settings):
    """Waits until the host agent has registered this host, then puts it into its region's group."""
    connection = metadb.connect(settings, oms.text(settings, "drc_cm_db"))
    group = str(oms.integer(settings, "cm_location"))
    deadline = time.monotonic() + HOST_ROW_PATIENCE
    with connection.cursor() as cursor:
        cursor.execute("INSERT IGNORE INTO resource_group (name) VALUES (%s)", (group,))
        while True:
            cursor.execute("SELECT id FROM host WHERE ip = %s", (oms.host_ip(),))
            if cursor.fetchone():
                break
            if time.monotonic() > deadline:
                sys.exit(f"host {oms.host_ip()} did not register within {HOST_ROW_PATIENCE:.0f} s")
            time.sleep(0.1)
        cursor.execute(
            "UPDATE host SET resource_group_id = (SELECT id FROM resource_group WHERE name = %s) WHERE ip = %s",
            (group, oms.host_ip()),
        )
    connection.close()
    print(f"host {oms.host_ip()} is in resource group {group}")
    judge.record("resource_added", {"group": group}, settings=settings)
    judge.pace("resource")


def main(arguments):
    if arguments != ["add_resource"]:
        sys.exit("usage: python -m omsflow.scripts.units.oms_cluster_manager add_resource")
    try:
        add_resource(oms.load())
    except (pymysql.Error, oms.BadSettings) as error:
        sys.exit(f"add_resource failed: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
