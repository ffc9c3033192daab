"""Steps 2 and 3 of docker_init.sh: the MetaDB's schemas, and the configuration files of the components."""

import os
import sys
import time

import pymysql

from omsflow import component_files, judge, metadb, schema, settings as oms


def version():
    with open("/etc/oms_version", encoding="utf-8") as file:
        return file.read().strip()


def take_seat(settings):
    """Enters the schema step, where only one host of the cluster may be.

    The seat is a locked row: it is free again when its connection dies, whatever becomes of the process.
    (GET_LOCK will not do: on OceanBase it outlives its connection.)
    """
    seat = metadb.connect(settings, "omsctl_judge", autocommit=False)
    with seat.cursor() as cursor:
        cursor.execute("SELECT host FROM seat WHERE id = 1")
        seat.commit()
        try:
            cursor.execute("SELECT id FROM seat WHERE id = 1 FOR UPDATE NOWAIT")
        except pymysql.Error as error:
            if error.args[0] not in (1205, 3572):
                raise
            judge.record("schema_overlap", {"error": str(error)}, violation=True, settings=settings)
            sys.exit("another host is inside the schema step: two at once break the MetaDB (see the judge's records)")
    return seat


def init_db(settings):
    print(f"use config {oms.CONFIG}")
    try:
        seat = take_seat(settings)
    except pymysql.Error as error:
        if error.args[0] not in (1049, 1146):
            raise
        seat = None
        print("no judge in this MetaDB: nobody watches the order of the schema steps")
    judge.record("schema_entered", {}, settings=settings)
    try:
        change_schema(settings)
    except schema.NeedsUpgradeFlag as error:
        judge.record("upgrade_without_flag", {"error": str(error)}, violation=True, settings=settings)
        sys.exit(f"ERROR: {error}")
    judge.record("schema_left", {}, settings=settings)
    if seat is not None:
        seat.close()


def change_schema(settings):
    judge.faults("schema_inside")
    connection = metadb.connect(settings)
    with connection.cursor() as cursor:
        schema.create(cursor, settings)
        cursor.execute("SELECT VERSION()")
        if "OceanBase" in cursor.fetchone()[0]:
            print("ERROR 1235 (0A000): Modify large text/lob column not supported")
        schema.fill(cursor, settings, version(), os.environ.get("IS_UPGRADE") == "true")
    connection.close()
    judge.pace("schema")


def main(arguments):
    try:
        settings = oms.load()
        if arguments == ["--init-db"]:
            init_db(settings)
        elif arguments == ["--init-config-file"]:
            component_files.write_all(settings)
            judge.record("config_written", {"cm_nodes": oms.nodes(settings)}, settings=settings)
            judge.pace("config")
        else:
            sys.exit("usage: python -m omsflow.scripts.units.oms_init_manager --init-db | --init-config-file")
    except pymysql.Error as error:
        code = error.args[0] if error.args else 0
        said = error.args[1] if len(error.args) > 1 else error
        sys.exit(f"{time.strftime('%F %T')}-Oms-ERROR ERROR {code} (HY000): {said}")
    except oms.BadSettings as error:
        sys.exit(f"{time.strftime('%F %T')}-Oms-ERROR {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
