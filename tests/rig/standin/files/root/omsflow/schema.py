"""The tables of the three MetaDB databases that OMS's manual names, and the rows that initialisation puts there."""

import json

from omsflow import judge, metadb, settings as oms

RM = (
    """CREATE TABLE IF NOT EXISTS cluster_info (id BIGINT AUTO_INCREMENT PRIMARY KEY, region VARCHAR(64),
       region_cn VARCHAR(64), cm_url VARCHAR(255) NOT NULL, code INT NOT NULL, is_default_cm TINYINT NOT NULL,
       UNIQUE KEY uk_code (code))""",
    """CREATE TABLE IF NOT EXISTS oms_version (id BIGINT AUTO_INCREMENT PRIMARY KEY, version VARCHAR(64) NOT NULL,
       gmt_created DATETIME NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS oms_normal_config (id BIGINT AUTO_INCREMENT PRIMARY KEY,
       cfg_name VARCHAR(128) NOT NULL, cfg_value TEXT, UNIQUE KEY uk_name (cfg_name))""",
    "CREATE TABLE IF NOT EXISTS oms_project (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(128), status VARCHAR(32))",
    """CREATE TABLE IF NOT EXISTS ocp_info (id BIGINT AUTO_INCREMENT PRIMARY KEY, ocp_name VARCHAR(128),
       ocp_proxy_host VARCHAR(128))""",
)
CM = (
    """CREATE TABLE IF NOT EXISTS host (id BIGINT AUTO_INCREMENT PRIMARY KEY, ip VARCHAR(64) NOT NULL,
       host_status VARCHAR(32) NOT NULL, resource_group_id BIGINT, location INT, gmt_created DATETIME NOT NULL,
       gmt_modified DATETIME NOT NULL, UNIQUE KEY uk_ip (ip))""",
    """CREATE TABLE IF NOT EXISTS resource_group (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL,
       UNIQUE KEY uk_name (name))""",
    """CREATE TABLE IF NOT EXISTS location_cm (id BIGINT AUTO_INCREMENT PRIMARY KEY, location INT NOT NULL,
       cm_url VARCHAR(255) NOT NULL, UNIQUE KEY uk_location (location))""",
    "CREATE TABLE IF NOT EXISTS config_job (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(128), value TEXT)",
)
HEARTBEAT = (
    """CREATE TABLE IF NOT EXISTS heart_beat (id BIGINT AUTO_INCREMENT PRIMARY KEY, task_name VARCHAR(64) NOT NULL,
       task_type VARCHAR(64), host_ip VARCHAR(64) NOT NULL, gmt_created DATETIME NOT NULL,
       gmt_modified DATETIME NOT NULL, UNIQUE KEY uk_task (task_name, host_ip))""",
    "CREATE TABLE IF NOT EXISTS heatbeat_sequence (id BIGINT AUTO_INCREMENT PRIMARY KEY, gmt_created DATETIME NOT NULL)",
)
HA = {
    "enable": False,
    "enableHost": False,
    "enableStore": True,
    "enableConnector": True,
    "enableJdbcWriter": True,
    "perceiveStoreClientCheckpoint": False,
    "refetchStoreIntervalMin": 30,
    "subtopicStoreNumberThreshold": 5,
    "checkRequestIntervalSec": 600,
    "checkJdbcWriterIntervalSec": 600,
    "checkHostDownIntervalSec": 540,
    "checkModuleExceptionIntervalSec": 240,
    "clearAbnormalResourceHours": 72,
}


class NeedsUpgradeFlag(Exception):
    """The databases hold another version and nobody said IS_UPGRADE."""


def create(cursor, settings):
    """Makes the databases and tables that are missing."""
    for key, statements in (("drc_rm_db", RM), ("drc_cm_db", CM), ("drc_cm_heartbeat_db", HEARTBEAT)):
        name = metadb.named(settings, key)
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {name} DEFAULT CHARACTER SET utf8mb4")
        cursor.execute(f"USE {name}")
        for statement in statements:
            cursor.execute(statement)
        print(f"database {name}: {len(statements)} tables checked")


def _others_at_work(cursor, settings):
    """Hosts whose supervisor beat within the last two seconds: it beats every second until it is stopped."""
    cursor.execute(
        f"SELECT host_ip FROM {metadb.named(settings, 'drc_cm_heartbeat_db')}.heart_beat WHERE task_name = 'supervisor'"
        " AND gmt_modified > NOW() - INTERVAL 2 SECOND AND host_ip <> %s",
        (oms.host_ip(),),
    )
    return [row[0] for row in cursor.fetchall()]


def fill(cursor, settings, version, is_upgrade):
    """Puts the cluster's rows there; a row that exists stays as it is, as in OMS (cm_url changes need SQL)."""
    cursor.execute(f"USE {metadb.named(settings, 'drc_rm_db')}")
    cursor.execute("SELECT version FROM oms_version ORDER BY id DESC LIMIT 1")
    recorded = cursor.fetchone()
    if recorded and recorded[0] != version and not is_upgrade:
        raise NeedsUpgradeFlag(f"the MetaDB holds OMS {recorded[0]}, this image is {version}, IS_UPGRADE is not set")
    if recorded and recorded[0] != version and (others := _others_at_work(cursor, settings)):
        judge.record("upgrade_beside_running_hosts", {"hosts": others}, violation=True)
    if recorded is None or recorded[0] != version:
        cursor.execute("INSERT INTO oms_version (version, gmt_created) VALUES (%s, NOW())", (version,))
    location = oms.integer(settings, "cm_location")
    region = (
        oms.text(settings, "cm_region", ""),
        oms.text(settings, "cm_region_cn", ""),
        oms.text(settings, "cm_url"),
        location,
        int(oms.boolean(settings, "cm_is_default", True)),
    )
    cursor.execute(
        "INSERT IGNORE INTO cluster_info (region, region_cn, cm_url, code, is_default_cm) VALUES (%s, %s, %s, %s, %s)",
        region,
    )
    cursor.execute(
        "INSERT IGNORE INTO oms_normal_config (cfg_name, cfg_value) VALUES ('ha.config', %s)", (json.dumps(HA),)
    )
    cursor.execute(f"USE {metadb.named(settings, 'drc_cm_db')}")
    cursor.execute(
        "INSERT INTO location_cm (location, cm_url) VALUES (%s, %s) ON DUPLICATE KEY UPDATE cm_url = VALUES(cm_url)", (location, oms.text(settings, "cm_url"))
    )
