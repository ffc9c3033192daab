//! What the hosts' Docker shows to a private registry: the configuration of Docker's command with one log-in in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omsctl_inventory::{Host, ImageSource};
use omsctl_proto::{Secret, SecretName, WantedImage};
use zeroize::Zeroizing;

use super::refusal::Refusal;

/// Docker Hub's name in that configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The configuration, and the name that it travels by.
#[derive(Debug, Clone)]
pub(super) struct WantedLogin {
    pub(super) content: SecretName,
    pub(super) text: Secret,
}

/// `None` where no image is pulled, or with the host's own log-ins.
pub(super) fn login(host: &Host, image: &WantedImage) -> Result<Option<WantedLogin>, Refusal> {
    let (ImageSource::Reference(_), Some(login)) = (&host.settings.image, &host.settings.registry) else {
        return Ok(None);
    };
    let content =
        SecretName::new("registry").map_err(|invalid| Refusal::Rule { rule: invalid.to_string() })?;
    let pair = Zeroizing::new(format!("{}:{}", login.user, login.password.expose()));
    let auth = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    // An image's name has no character that JSON would escape.
    let registry = image.registry().unwrap_or(DOCKER_HUB);
    let text = format!(r#"{{"auths":{{"{registry}":{{"auth":"{}"}}}}}}"#, auth.as_str());
    Ok(Some(WantedLogin { content, text: Secret::new(text) }))
}

#[cfg(test)]
mod tests {
    use omsctl_inventory::RegistryLogin;

    use super::*;
    use crate::plan::fixture::Cluster;

    fn text(reference: &str) -> String {
        let mut cluster = Cluster::fresh(1);
        let settings = cluster.settings("n1");
        settings.image = ImageSource::Reference(reference.to_owned());
        let (user, password) = ("robot$oms".to_owned(), Secret::new("p:\"ä"));
        settings.registry = Some(RegistryLogin { user, password });
        let image =
            WantedImage { reference: reference.to_owned(), config: None, layers: vec![], architecture: None };
        let login = login(&cluster.deployment.hosts[0], &image).unwrap().unwrap();
        login.text.expose().to_owned()
    }

    #[test]
    fn it_is_what_docker_login_writes() {
        assert_eq!(
            text("harbor.example.com:8443/x/oms:4.2.7"),
            r#"{"auths":{"harbor.example.com:8443":{"auth":"cm9ib3Qkb21zOnA6IsOk"}}}"#
        );
        assert!(text("oceanbase/oms-ce:4.2.7").contains(r#"{"https://index.docker.io/v1/":{"#));
    }
}
