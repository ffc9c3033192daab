//! Every key of config.yaml over all OMS CE versions, in the manual's order, with its kind and with what a change of
//! it takes in a running cluster (research/oms.md 2.1 and 2.4).

use super::difference::KeyEffect;

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A host name or an address, without scheme and port.
    HostName,
    /// A database name.
    Database,
    Port,
    /// 0 to 127.
    Location,
    Boolean,
    /// A list of addresses.
    Nodes,
    Url,
    /// An address and a port without a scheme.
    TsdbUrl,
    TsdbService,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) secret: bool,
    pub(crate) effect: KeyEffect,
}

const PORT_SCRIPT: KeyEffect = KeyEffect::Script("/root/docker_update_app_port.sh");
const META_SCRIPT: KeyEffect = KeyEffect::Script("/root/docker_update_meta_db.sh");

const fn optional(name: &'static str, kind: Kind, effect: KeyEffect) -> Key {
    Key { name, kind, required: false, secret: false, effect }
}

const fn required(name: &'static str, kind: Kind, effect: KeyEffect) -> Key {
    Key { name, kind, required: true, secret: false, effect }
}

const fn secret(key: Key) -> Key {
    Key { secret: true, ..key }
}

/// All keys, in the order in which the manual's templates have them.
pub(crate) const KEYS: [Key; 30] = [
    required("oms_meta_host", Kind::HostName, META_SCRIPT),
    required("oms_meta_port", Kind::Port, META_SCRIPT),
    required("oms_meta_user", Kind::Text, META_SCRIPT),
    secret(required("oms_meta_password", Kind::Text, KeyEffect::LogIn)),
    required("drc_rm_db", Kind::Database, KeyEffect::Immutable),
    required("drc_cm_db", Kind::Database, KeyEffect::Immutable),
    required("drc_cm_heartbeat_db", Kind::Database, KeyEffect::Immutable),
    optional("drc_user", Kind::Text, KeyEffect::Restart),
    secret(optional("drc_password", Kind::Text, KeyEffect::Restart)),
    required("cm_url", Kind::Url, KeyEffect::Restart),
    required("cm_location", Kind::Location, KeyEffect::Immutable),
    optional("cm_region", Kind::Text, KeyEffect::Reinitialise),
    optional("cm_region_cn", Kind::Text, KeyEffect::Reinitialise),
    optional("cm_is_default", Kind::Boolean, KeyEffect::Restart),
    optional("cm_nodes", Kind::Nodes, KeyEffect::Restart),
    optional("tsdb_service", Kind::TsdbService, KeyEffect::Restart),
    optional("tsdb_enabled", Kind::Boolean, KeyEffect::Restart),
    optional("tsdb_url", Kind::TsdbUrl, KeyEffect::Restart),
    optional("tsdb_username", Kind::Text, KeyEffect::Restart),
    secret(optional("tsdb_password", Kind::Text, KeyEffect::Restart)),
    optional("ghana_server_port", Kind::Port, PORT_SCRIPT),
    optional("nginx_server_port", Kind::Port, PORT_SCRIPT),
    optional("cm_server_port", Kind::Port, PORT_SCRIPT),
    optional("supervisor_server_port", Kind::Port, PORT_SCRIPT),
    optional("sshd_server_port", Kind::Port, PORT_SCRIPT),
    secret(optional("apsara_audit_sls_access_key", Kind::Text, KeyEffect::Restart)),
    secret(optional("apsara_audit_sls_access_secret", Kind::Text, KeyEffect::Restart)),
    optional("apsara_audit_sls_endpoint", Kind::Text, KeyEffect::Restart),
    optional("apsara_audit_sls_ops_site_topic", Kind::Text, KeyEffect::Restart),
    optional("apsara_audit_sls_user_site_topic", Kind::Text, KeyEffect::Restart),
];

/// The key of that name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
