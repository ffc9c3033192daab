"""Connections to the MetaDB with the account of config.yaml."""

import pymysql

from omsflow import settings as oms


def connect(settings, database=None, autocommit=True):
    """One connection; the session's clock is UTC so that every time in the records compares."""
    return pymysql.connect(
        host=oms.text(settings, "oms_meta_host"),
        port=oms.integer(settings, "oms_meta_port"),
        user=oms.text(settings, "oms_meta_user"),
        password=oms.text(settings, "oms_meta_password"),
        database=database,
        autocommit=autocommit,
        charset="utf8mb4",
        connect_timeout=3,
        read_timeout=60,
        write_timeout=60,
    )


def refusal(settings):
    """Why the MetaDB does not let this account in; None when it does, or does not answer at all."""
    try:
        connect(settings).close()
    except pymysql.Error as error:
        if error.args and error.args[0] == 1045:
            return str(error.args[1])
    return None


def named(settings, key):
    """A database name of config.yaml, quoted for SQL."""
    return "`" + oms.text(settings, key).replace("`", "``") + "`"
