//! One look into a running container: what a shell there says of OMS, and what that means.

use std::collections::BTreeMap;

use omsctl_proto::Secret;

use crate::ports::Inside;

/// Looks at what [`Inside`] holds, with one process tree in the container. Arguments: how much to look at. The pattern
/// does not match its own text in the list of processes.
pub(super) const LOOK_INSIDE: &str = "\
[ -s /root/init_flag.txt ] && echo flag
grep -qszE '(^|[/ ])docker_init[.]sh' /proc/[0-9]*/cmdline && echo process
if [ \"$1\" != initialisation ]; then supervisorctl status 2>/dev/null | sed 's/^/service /'; fi
if [ \"$1\" = everything ] && [ -r /home/admin/conf/config.yaml ]; then
  echo config; cat /home/admin/conf/config.yaml
fi
exit 0";

/// The answer of [`LOOK_INSIDE`]. Everything after the line `config` is the file.
pub(super) fn seen(text: &str) -> Inside {
    let mut inside = Inside::default();
    let mut services = BTreeMap::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        rest = after;
        match line {
            "flag" => inside.init_flag = true,
            "process" => inside.init_process = true,
            "config" => {
                inside.config = Some(Secret::new(rest));
                break;
            }
            service => {
                let mut words = service.strip_prefix("service ").unwrap_or_default().split_whitespace();
                if let (Some(name), Some(state)) = (words.next(), words.next())
                    && state.bytes().all(|byte| byte.is_ascii_uppercase())
                {
                    services.insert(name.to_owned(), state.to_owned());
                }
            }
        }
    }
    inside.services = services;
    inside
}
