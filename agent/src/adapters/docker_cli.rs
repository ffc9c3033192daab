//! Docker by its command. Arguments are vectors; nothing from outside becomes a line for a shell.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use omsctl_proto::{ContainerSpec, Digest, ImageFacts, OtherContainer, TsdbSpec};

use super::child::{Run, SMALL};
use super::docker_inside::{LOOK_INSIDE, seen};
use super::docker_inspect;
use crate::ports::{
    ByteSource, Container, ContainerRuntime, Engine, EngineImage, ExecOutput, Helper, Inside, Look,
    RuntimeError, Since,
};

/// Answers that are parsed: inspections of a few hundred images.
const LARGE: usize = 8 * 1024 * 1024;
/// Questions that Docker answers from memory.
const QUICK: Duration = Duration::from_mins(1);
/// Stopping takes ten seconds by itself before Docker kills.
const SLOW: Duration = Duration::from_mins(5);
const PLACES: [&str; 7] =
    ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/usr/local/sbin", "/sbin", "/snap/bin"];

/// The docker command of this host.
#[derive(Debug, Clone)]
pub struct DockerCli {
    program: Option<PathBuf>,
    /// Below it are the log-ins of `docker login`. sudo may leave that of whoever logged in in the environment.
    home: Option<PathBuf>,
}

impl DockerCli {
    /// Looks for the command in `PATH` and the usual places.
    pub fn find() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from));
        let program = places.map(|place| place.join("docker")).find(|program| program.is_file());
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self { program, home: home_of(rustix::process::getuid().as_raw(), &users) }
    }

    /// Another program with docker's arguments.
    pub fn at(program: &Path) -> Self {
        Self { program: Some(program.to_owned()), home: None }
    }

    async fn call(&self, call: Call<'_>) -> Result<ExecOutput, RuntimeError> {
        let Some(program) = &self.program else {
            return Err(RuntimeError::Missing { looked_in: format!("PATH, {}", PLACES.join(", ")) });
        };
        let Call { arguments, config, stdin, keep, limit } = call;
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let home = self.home.as_deref().map(|home| ("HOME", home));
        let environment = home.into_iter().chain(config.map(|config| ("DOCKER_CONFIG", config))).collect();
        Run { program, arguments, environment, stdin, keep, limit }.output().await
    }

    /// For calls that have failed when their status is not 0.
    async fn done(&self, call: Call<'_>) -> Result<String, RuntimeError> {
        let verb = call.arguments.first().copied().unwrap_or_default().to_owned();
        let output = self.call(call).await?;
        if output.succeeded() { Ok(output.stdout) } else { Err(failure(verb, &output)) }
    }
}

struct Call<'a> {
    arguments: Vec<&'a str>,
    /// Instead of the folder `.docker` in the home.
    config: Option<&'a Path>,
    stdin: Option<ByteSource>,
    keep: usize,
    limit: Option<Duration>,
}

impl<'a> Call<'a> {
    fn new(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let arguments = arguments.into_iter().collect();
        Self { arguments, config: None, stdin: None, keep: SMALL, limit: Some(QUICK) }
    }

    fn within(self, limit: Option<Duration>) -> Self {
        Self { limit, ..self }
    }

    fn keep(self, keep: usize) -> Self {
        Self { keep, ..self }
    }
}

/// The home of this user, by the lines of `/etc/passwd`.
fn home_of(user: u32, passwd: &str) -> Option<PathBuf> {
    let home = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let own = fields.get(2)?.parse() == Ok(user);
        fields.get(5).filter(|home| own && home.starts_with('/')).map(PathBuf::from)
    };
    passwd.lines().find_map(home)
}

fn failure(verb: String, output: &ExecOutput) -> RuntimeError {
    let text = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    let words = text.trim().trim_start_matches("docker: ").to_owned();
    if words.contains("Cannot connect to the Docker daemon") || words.contains("Is the docker daemon running")
    {
        RuntimeError::Silent { words }
    } else {
        RuntimeError::Failed { verb, words }
    }
}

/// Docker's ways to say that something is not there.
fn is_absent(error: &RuntimeError) -> bool {
    matches!(error, RuntimeError::Failed { words, .. } if words.to_lowercase().contains("no such"))
}

impl ContainerRuntime for DockerCli {
    fn engine(&self) -> BoxFuture<'_, Result<Engine, RuntimeError>> {
        async {
            let call = Call::new(["info", "--format", "{{json .}}"]).keep(LARGE);
            let output = self.call(call).await?;
            // Some versions end with 0 although the daemon is silent.
            docker_inspect::engine(&output.stdout).ok_or_else(|| failure("info".to_owned(), &output))?
        }
        .boxed()
    }

    fn images(&self) -> BoxFuture<'_, Result<Vec<ImageFacts>, RuntimeError>> {
        async {
            let ids = self.done(Call::new(["image", "ls", "--quiet", "--no-trunc"]).keep(LARGE)).await?;
            let mut ids: Vec<&str> = ids.lines().collect();
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let fixed = ["image", "inspect", "--format", docker_inspect::IMAGE];
            // One that was removed meanwhile only lacks its line.
            let output = self.call(Call::new(fixed.into_iter().chain(ids)).keep(LARGE)).await?;
            docker_inspect::images(&output.stdout)
        }
        .boxed()
    }

    fn image<'a>(&'a self, reference: &'a str) -> BoxFuture<'a, Result<Option<EngineImage>, RuntimeError>> {
        async move {
            let call = Call::new(["image", "inspect", "--format", docker_inspect::IMAGE, "--", reference]);
            match self.done(call).await {
                Ok(text) => Ok(docker_inspect::images(&text)?.pop().map(|image| EngineImage {
                    id: image.id,
                    layers: image.layers,
                    architecture: image.architecture,
                })),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn load(&self, archive: ByteSource) -> BoxFuture<'_, Result<String, RuntimeError>> {
        let call = Call { stdin: Some(archive), ..Call::new(["load"]) }.within(None);
        self.done(call).boxed()
    }

    fn pull<'a>(
        &'a self,
        reference: &'a str,
        config: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let call = Call::new(["pull", "--quiet", "--", reference]).within(None);
        self.silent(Call { config, ..call })
    }

    fn tag<'a>(&'a self, image: &'a Digest, reference: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["tag", "--", image.as_str(), reference]))
    }

    fn container<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Container>, RuntimeError>> {
        async move {
            let call = Call::new(["container", "inspect", "--", name]).keep(LARGE);
            match self.done(call).await {
                // A name may also be the beginning of another one's id.
                Ok(text) => docker_inspect::container(&text, name),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn inspection<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, RuntimeError>> {
        self.done(Call::new(["container", "inspect", "--", name]).keep(LARGE)).boxed()
    }

    fn containers_like_oms(&self) -> BoxFuture<'_, Result<Vec<OtherContainer>, RuntimeError>> {
        async {
            let ids = self.done(Call::new(["ps", "--all", "--quiet", "--no-trunc"]).keep(LARGE)).await?;
            if ids.trim().is_empty() {
                return Ok(Vec::new());
            }
            let fixed = ["container", "inspect", "--format", docker_inspect::BRIEF];
            // One that was removed meanwhile only lacks its line.
            let output = self.call(Call::new(fixed.into_iter().chain(ids.lines())).keep(LARGE)).await?;
            docker_inspect::like_oms(&output.stdout)
        }
        .boxed()
    }

    fn run<'a>(&'a self, spec: &'a ContainerSpec) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async move {
            let arguments = run_arguments(spec);
            let call = Call::new(arguments.iter().map(String::as_str)).within(Some(SLOW));
            self.done(call).await.map(|id| id.trim().to_owned())
        }
        .boxed()
    }

    fn run_tsdb<'a>(&'a self, spec: &'a TsdbSpec) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async move {
            let arguments = tsdb_arguments(spec);
            let call = Call::new(arguments.iter().map(String::as_str)).within(Some(SLOW));
            self.done(call).await.map(|id| id.trim().to_owned())
        }
        .boxed()
    }

    fn start<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["start", "--", name]).within(Some(SLOW)))
    }

    fn stop<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["stop", "--", name]).within(Some(SLOW)))
    }

    fn restart<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["restart", "--", name]).within(Some(SLOW)))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["rm", "--", name]).within(Some(SLOW)))
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), RuntimeError>> {
        self.silent(Call::new(["rename", "--", from, to]))
    }

    fn exec<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>> {
        let fixed = ["exec", "--workdir", "/root", "--", name];
        self.call(Call::new(fixed.into_iter().chain(arguments.iter().copied())).within(None)).boxed()
    }

    fn helper<'a>(&'a self, helper: &'a Helper) -> BoxFuture<'a, Result<ExecOutput, RuntimeError>> {
        async move {
            match self.done(Call::new(["rm", "--force", "--", &helper.name]).within(Some(SLOW))).await {
                Err(error) if !is_absent(&error) => return Err(error),
                _ => {}
            }
            let arguments = helper_arguments(helper);
            self.call(Call::new(arguments.iter().map(String::as_str)).within(None)).await
        }
        .boxed()
    }

    fn exec_detached<'a>(
        &'a self,
        name: &'a str,
        arguments: &'a [&'a str],
    ) -> BoxFuture<'a, Result<(), RuntimeError>> {
        let fixed = ["exec", "--detach", "--workdir", "/root", "--", name];
        self.silent(Call::new(fixed.into_iter().chain(arguments.iter().copied())))
    }

    fn inside<'a>(&'a self, name: &'a str, look: Look) -> BoxFuture<'a, Result<Inside, RuntimeError>> {
        let look = match look {
            Look::Initialisation => "initialisation",
            Look::Services => "services",
            Look::Everything => "everything",
        };
        let arguments = ["exec", "--", name, "sh", "-c", LOOK_INSIDE, "sh", look];
        async move { Ok(seen(&self.done(Call::new(arguments).keep(LARGE)).await?)) }.boxed()
    }

    fn logs<'a>(
        &'a self,
        name: &'a str,
        lines: u32,
        since: Since<'a>,
    ) -> BoxFuture<'a, Result<String, RuntimeError>> {
        async move {
            let lines = lines.to_string();
            let call = match since {
                Since::Creation => Call::new(["logs", "--tail", &lines, "--", name]),
                Since::Start(start) => Call::new(["logs", "--tail", &lines, "--since", start, "--", name]),
            };
            let call = call.keep(LARGE);
            let output = self.call(call).await?;
            if output.succeeded() {
                Ok(output.stdout + &output.stderr)
            } else {
                Err(failure("logs".to_owned(), &output))
            }
        }
        .boxed()
    }
}

impl DockerCli {
    fn silent<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<(), RuntimeError>> {
        async move { self.done(call).await.map(drop) }.boxed()
    }
}

/// The manual's `docker run` (`research/oms.md` 3), word for word.
fn run_arguments(spec: &ContainerSpec) -> Vec<String> {
    let mut arguments: Vec<String> = ["run", "-dit", "--net", "host"].map(str::to_owned).into();
    for mount in &spec.mounts {
        arguments.extend(["-v".to_owned(), format!("{}:{}", mount.host, mount.container)]);
    }
    arguments.extend(["-e".to_owned(), format!("OMS_HOST_IP={}", spec.host_ip)]);
    if spec.is_upgrade {
        arguments.extend(["-e", "IS_UPGRADE=true"].map(str::to_owned));
    }
    arguments.extend(
        ["--privileged=true", "--pids-limit", "-1", "--ulimit", "nproc=65535:65535"].map(str::to_owned),
    );
    if let Some(policy) = &spec.restart_policy {
        arguments.extend(["--restart".to_owned(), policy.clone()]);
    }
    arguments.extend(["--name".to_owned(), spec.name.clone(), spec.image.reference.clone()]);
    arguments
}

/// As the manual has it (`research/oms.md` 8), but for the host's network instead of published ports. Labels of `SELinux`
/// are left as they are on the host.
fn tsdb_arguments(spec: &TsdbSpec) -> Vec<String> {
    let fixed = ["run", "-dit", "--net", "host", "--security-opt", "label=disable", "-v"];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    arguments.push(spec.bind());
    for pair in spec.environment() {
        arguments.extend(["--env".to_owned(), pair]);
    }
    if let Some(policy) = &spec.restart_policy {
        arguments.extend(["--restart".to_owned(), policy.clone()]);
    }
    arguments.extend(["--name".to_owned(), spec.container.clone(), spec.image.reference.clone()]);
    arguments
}

/// As root, whatever user the image names: the files are root's. Labels of `SELinux` are left as they are on the host.
fn helper_arguments(helper: &Helper) -> Vec<String> {
    let fixed = ["run", "--rm", "--net", "host", "--user", "0", "--security-opt", "label=disable"];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    for mount in &helper.mounts {
        let mode = if mount.writable { "rw" } else { "ro" };
        arguments.extend(["-v".to_owned(), format!("{}:{}:{mode}", mount.host.display(), mount.inside)]);
    }
    arguments.extend([
        "--name".to_owned(),
        helper.name.clone(),
        "--entrypoint".to_owned(),
        helper.program.clone(),
    ]);
    arguments.push(helper.image.clone());
    arguments.extend(helper.arguments.iter().cloned());
    arguments
}

#[cfg(test)]
#[path = "docker_cli_tests.rs"]
mod tests;
