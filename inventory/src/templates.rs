//! The files that `omsctl init` writes to start from. A test loads them.

/// An inventory with the hosts, or with three made-up ones when there are none.
pub fn inventory_ini(hosts: &[String]) -> String {
    let hosts = if hosts.is_empty() {
        "n1 ansible_host=10.0.0.1\nn2 ansible_host=10.0.0.2\nn3 ansible_host=10.0.0.3\n".to_owned()
    } else {
        hosts.iter().flat_map(|host| [host.as_str(), "\n"]).collect()
    };
    INVENTORY.replace("{hosts}", &hosts)
}

/// A config.yaml whose open places are marked `<…>`.
pub fn config_yaml() -> String {
    CONFIG.to_owned()
}

const INVENTORY: &str = r"# The hosts that OMS shall run on, in Ansible's INI format; an inventory of yours that Ansible reads works as well.
# A host is a name, then how to reach it where that differs from your ssh_config:
#   n1 ansible_host=10.0.0.1 ansible_port=22 ansible_user=root ansible_ssh_private_key_file=~/.ssh/id_ed25519

[oms]
{hosts}
[oms:vars]
# The image, on this machine (tar, tar.gz or tar.zst; omsctl brings it to the hosts) ...
oms_image_archive=<path to oms_4.2.x-ce.tar.gz>
# ... or, instead, a reference that each host's Docker can pull:
#oms_image=registry.example.com/oceanbase/oms-ce:feature_4.2.11_ce
#oms_registry_user=user of that registry, where the hosts' own `docker login` does not do
#oms_registry_password=...

# Under this path each host keeps OMS's logs, store, run and config.yaml. It can never be changed later.
oms_mount_path=/data/oms

# Name of the container on each host.
#oms_container_name=oms
# Log in as another user than your ssh_config says, and become root with sudo (-K asks for the password).
#ansible_user=admin
#ansible_become=true
# The host's address for the other hosts, when it is not the one that omsctl reaches it at; one on each host's line.
#   n1 ansible_host=192.168.1.1 oms_host_ip=10.0.0.1
# Console with HTTPS: files on this machine.
#oms_https_cert=oms_server.crt
#oms_https_key=oms_server.key

# The time-series database on one host (config.yaml needs a tsdb_password then):
#oms_tsdb_archive=influxdb_1.8.tar.gz
#[tsdb]
#n4 ansible_host=10.0.0.4

# Several regions: a group below oms for each, with the keys of config.yaml that differ.
#[oms:children]
#hangzhou
#heilongjiang
#[heilongjiang:vars]
#cm_location=2
#cm_url=http://oms-heilongjiang.example.com:8088
#cm_region=cn-heilongjiang
#cm_region_cn=cn-heilongjiang
#cm_is_default=false
#drc_cm_heartbeat_db=oms_cm_hb_2
";

const CONFIG: &str = r"# OMS's own configuration, exactly as the OMS manual describes it. Fill in every <...>.
# ${NAME} is taken from the environment or from the file of --env-file.

# MetaDB: an OceanBase MySQL tenant or a MySQL that every OMS host reaches. With OBProxy the user is
# user@tenant#cluster.
oms_meta_host: <address of the MetaDB>
oms_meta_port: <port of the MetaDB>
oms_meta_user: <user of the MetaDB>
oms_meta_password: <password of the MetaDB>

# Three databases in it; OMS creates them. They can never be renamed later.
drc_rm_db: oms_rm
drc_cm_db: oms_cm
drc_cm_heartbeat_db: oms_cm_hb

# The cluster manager: a virtual address or a name in front of all hosts, port 8088. With a single host its address
# does, and has to be changed by hand when a second host comes.
cm_url: <http://VIRTUAL-ADDRESS-OR-NAME:8088>
# Number of the region, 0 to 127. It can never be changed later.
cm_location: 1
cm_region: cn-hangzhou
cm_region_cn: cn-hangzhou
cm_is_default: true
# cm_nodes: omsctl fills it in from the inventory.

# Figures of OMS in InfluxDB.
tsdb_enabled: false
#tsdb_service: INFLUXDB
#tsdb_url: 10.0.0.9:8086
#tsdb_username: oms
#tsdb_password: ${TSDB_PASSWORD}

# Ports (OMS 4.2.2 and later); these are the defaults.
#ghana_server_port: 8090
#nginx_server_port: 8089
#cm_server_port: 8088
#supervisor_server_port: 9000
#sshd_server_port: 2023
";
