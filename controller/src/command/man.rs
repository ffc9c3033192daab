//! `omsctl man`: the manual, made from what the command line understands, so that it is always the right one.

use std::io;
use std::path::Path;

use crate::cli::{ManRequest, ManualPage, manual};
use crate::exit::Exit;
use crate::out::Out;

/// The page of the program to stdout, or all pages into a folder, which is made when it is not there.
pub fn man(out: &Out, request: &ManRequest) -> Exit {
    let pages = manual();
    let Some(folder) = &request.output else {
        let first = pages.first().map(|page| page.text.as_str()).unwrap_or_default();
        return out.result(first).map_or(Exit::Failed, |()| Exit::Done);
    };
    match write(folder, &pages) {
        Ok(()) => {
            out.message(&format!("{} pages written to {}", pages.len(), folder.display()));
            Exit::Done
        }
        Err(error) => {
            out.message(&format!("error: the manual cannot be written to {}: {error}", folder.display()));
            Exit::Failed
        }
    }
}

fn write(folder: &Path, pages: &[ManualPage]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|page| std::fs::write(folder.join(&page.file_name), &page.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("man1");
        let (out, written) = Out::in_memory();
        assert_eq!(man(&out, &ManRequest { output: Some(place.clone()) }), Exit::Done);
        let page = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
        for name in [
            "omsctl.1",
            "omsctl-apply.1",
            "omsctl-ssh-config.1",
            "omsctl-config-render.1",
            "omsctl-ha-enable.1",
        ] {
            assert!(page(name).contains(".SH NAME"), "{name}");
        }
        assert!(page("omsctl-apply.1").contains("former\\-metadb\\-password\\-file"));
        assert!(!page("omsctl-apply.1").contains(r"\-background"), "what is not for people is not told");
        assert!(page("omsctl-man.1").contains(".SH NOTES\n.nf\nExamples:\n  omsctl man | man \\-l \\-\n"));
        assert!(written.stderr().contains(" pages written to "), "{}", written.stderr());
        assert_eq!(written.stdout(), "");
    }

    #[test]
    fn without_a_folder_the_page_of_the_program_is_printed() {
        let (out, written) = Out::in_memory();
        assert_eq!(man(&out, &ManRequest::default()), Exit::Done);
        let text = written.stdout();
        assert!(text.contains(".TH omsctl 1"), "{text}");
        assert!(text.contains("on many hosts with one command.\n.SH SYNOPSIS"), "a name is one line: {text}");
    }
}
