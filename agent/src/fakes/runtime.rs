//! The container runtime's port, answered from the state of [`FakeDocker`].

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{ContainerSpec, Digest, ImageFacts, OtherContainer, TsdbSpec};
use tokio::io::AsyncReadExt;

use super::container::FakeContainer;
use super::docker::{FakeDocker, absent, ended};
use crate::ports::{
    ByteSource, Container, ContainerRuntime, Engine, EngineImage, ExecOutput, Helper, Inside, Look,
    RuntimeError, Since,
};

impl ContainerRuntime for FakeDocker {
    fn engine(&self) -> BoxFuture<'_, Result<Engine, RuntimeError>> {
        let engine = self.answers().map(|()| Engine {
            server_version: "27.1.1".to_owned(),
            root_directory: "/var/lib/docker".to_owned(),
            storage_driver: "overlay2".to_owned(),
            containerd_store: false,
        });
        async { engine }.boxed()
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<ImageFacts>, RuntimeError>> {
        let images = self.answers().map(|()| self.shared.change(|state| state.images.clone()));
        async { Ok(images?.into_iter().map(|image| image.facts).collect()) }.boxed()
    }

    fn image<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<EngineImage>, RuntimeError>> {
        async move {
            let images = self.images().await?;
            let image =
                images.into_iter().find(|image| image.references.iter().any(|name| name == reference));
            Ok(image.map(|image| EngineImage {
                id: image.id,
                layers: image.layers,
                architecture: image.architecture,
            }))
        }
        .boxed()
    }

    fn load(&self, mut archive: ByteSource) -> BoxFuture<'_, Result<String, RuntimeError>> {
        async move {
            let mut bytes = Vec::new();
            let failed = |words: &str| RuntimeError::Failed { verb: "load".into(), words: words.into() };
            archive.read_to_end(&mut bytes).await.map_err(|_| failed("unexpected EOF"))?;
            let image = self.act("load", "archive", |state| {
                state.archives.get(&Digest::of(&bytes)).cloned().ok_or("invalid tar header".to_owned())
            })?;
            let said = format!("Loaded image: {}", image.facts.references.join(" "));
            self.take(image);
            Ok(said)
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        reference: &'a str,
        config: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let shown = config.map(private_config);
        let found = self.act("pull", reference, |state| {
            let (image, wanted) =
                state.registry.get(reference).ok_or(format!("manifest for {reference} not found"))?;
            match wanted {
                Some(_) if *wanted != shown => Err(format!(
                    "Error response from daemon: Head \"https://{reference}\": unauthorized: authentication required"
                )),
                _ => Ok(image.clone()),
            }
        });
        async { found.map(|image| self.take(image)) }.boxed()
    }

    fn tag<'a>(&'a self, image: &'a Digest, reference: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let tagged = self.act("tag", reference, |state| {
            for other in &mut state.images {
                other.facts.references.retain(|name| name != reference);
            }
            let image = state.images.iter_mut().find(|known| known.facts.id == *image);
            image.ok_or("No such image")?.facts.references.push(reference.to_owned());
            Ok(())
        });
        async { tagged }.boxed()
    }

    fn container<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Container>, RuntimeError>> {
        let found = self
            .answers()
            .map(|()| self.shared.change(|state| state.containers.get(name).map(FakeContainer::shown)));
        async { found }.boxed()
    }

    fn inspection<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async move {
            let found = self.container(name).await?;
            let failed = || RuntimeError::Failed { verb: "container".into(), words: absent(name) };
            let facts = found.ok_or_else(failed)?.facts;
            let shown =
                serde_json::json!([{ "Name": format!("/{name}"), "Config": { "Env": facts.environment } }]);
            Ok(shown.to_string())
        }
        .boxed()
    }

    fn containers_like_oms(&self) -> BoxFuture<'_, Result<Vec<OtherContainer>, RuntimeError>> {
        let brief = |(name, container): (&String, &FakeContainer)| OtherContainer {
            name: name.clone(),
            image: container.facts.image_reference.clone(),
            running: container.facts.running,
        };
        let is_oms = |(_, container): &(&String, &FakeContainer)| {
            container.facts.environment.iter().any(|pair| pair.starts_with("OMS_HOST_IP="))
        };
        let all = self.answers().map(|()| {
            self.shared.change(|state| state.containers.iter().filter(is_oms).map(brief).collect())
        });
        async { all }.boxed()
    }

    fn run<'a>(&'a self, spec: &'a ContainerSpec) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async { self.create(spec) }.boxed()
    }

    fn run_tsdb<'a>(&'a self, spec: &'a TsdbSpec) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async { self.create_tsdb(spec) }.boxed()
    }

    fn start<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            self.act("start", name, |state| {
                state.containers.get(name).map(drop).ok_or_else(|| absent(name))
            })?;
            self.begin(name).map_err(|words| RuntimeError::Failed { verb: "start".into(), words })
        }
        .boxed()
    }

    fn stop<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            self.act("stop", name, |state| state.containers.get(name).map(drop).ok_or_else(|| absent(name)))?;
            self.halt(name, 137);
            Ok(())
        }
        .boxed()
    }

    fn restart<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            self.stop(name).await?;
            self.start(name).await
        }
        .boxed()
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let removed = self.act("rm", name, |state| match state.containers.get(name) {
            None => Err(absent(name)),
            Some(container) if container.facts.running => {
                Err(format!("You cannot remove a running container {name}"))
            }
            Some(_) => {
                state.containers.remove(name);
                Ok(())
            }
        });
        async { removed }.boxed()
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let renamed = self.act("rename", from, |state| {
            if state.containers.contains_key(to) {
                return Err(format!("Conflict. The container name \"/{to}\" is already in use"));
            }
            let container = state.containers.remove(from).ok_or_else(|| absent(from))?;
            state.containers.insert(to.to_owned(), container);
            Ok(())
        });
        async { renamed }.boxed()
    }

    fn exec<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>> {
        async move {
            self.see(name, Look::Initialisation)?;
            let root = &self.shared.root;
            self.act("exec", &arguments.join(" "), |state| {
                if arguments == ["supervisorctl", "restart", "nginx"] {
                    state.containers.get_mut(name).ok_or_else(|| absent(name))?.start_nginx(root);
                }
                Ok(match arguments {
                    ["python", "-m", "omsflow.scripts.units.oms_init_manager", "--init-config-file"] => {
                        ended(0, "")
                    }
                    ["supervisorctl", "restart", services @ ..] => ended(0, &services.join(": started\n")),
                    _ => ended(127, ""),
                })
            })
        }
        .boxed()
    }

    fn helper<'a>(&'a self, helper: &'a Helper) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>> {
        async { self.helps(helper) }.boxed()
    }

    fn exec_detached<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move {
            self.see(name, Look::Initialisation)?;
            self.act("exec", &arguments.join(" "), |_| Ok(()))?;
            let failed = |words| RuntimeError::Failed { verb: "exec".into(), words };
            match arguments {
                ["bash", "/root/docker_init.sh"] => self.initialise(name).map_err(failed),
                _ => Err(failed("executable file not found in $PATH".to_owned())),
            }
        }
        .boxed()
    }

    fn inside<'a>(&'a self, name: &'a str, look: Look) -> BoxFuture<'a, Result<Inside, RuntimeError>> {
        async move { self.see(name, look) }.boxed()
    }

    fn logs<'a>(
        &'a self,
        name: &'a str,
        lines: u32,
        since: Since<'a>,
    ) -> BoxFuture<'a, Result<String, RuntimeError>> {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let text = self.shared.change(|state| {
            let output = state.containers.get(name)?.output.iter();
            let counts = |start: &String| since == Since::Creation || since == Since::Start(start);
            let output: Vec<&str> =
                output.filter(|(start, _)| counts(start)).map(|(_, line)| line.as_str()).collect();
            Some(output[output.len().saturating_sub(lines)..].join("\n"))
        });
        async move { text.ok_or_else(|| RuntimeError::Failed { verb: "logs".into(), words: absent(name) }) }
            .boxed()
    }
}

/// The text of `config.json`; none when anybody but root could read it.
fn private_config(folder: &Path) -> String {
    let file = folder.join("config.json");
    let is_private = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode().trailing_zeros() >= 6)
    };
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    if is_private(folder) && is_private(&file) { text } else { "readable by others".to_owned() }
}
