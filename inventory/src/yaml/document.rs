//! From text to a tree of nodes with places, within limits on depth and on what aliases can make of a small file.
//! Scalars are kept as typed; what they mean is decided elsewhere.

use std::collections::HashMap;

use super::surface;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

/// Deeper nesting than this is no configuration.
const MAX_DEPTH: usize = 64;
/// More nodes than this, aliases expanded, is an attack or an accident.
const MAX_NODES: usize = 200_000;

/// Why a text is no document that omsctl reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlError {
    #[error("this is not valid YAML: {message}")]
    Syntax { line: usize, column: usize, message: String },
    /// Only for files that OMS reads.
    #[error("OMS's reader would not take this as it looks: {why}")]
    Surface { line: usize, column: usize, why: &'static str },
    #[error("the file nests deeper than {MAX_DEPTH} levels")]
    TooDeep { line: usize, column: usize },
    #[error("the file has more than {MAX_NODES} values when its aliases are expanded")]
    TooLarge { line: usize, column: usize },
    #[error("the file has more than one document")]
    SecondDocument { line: usize, column: usize },
}

impl YamlError {
    /// Line and column, from 1.
    pub(crate) fn position(&self) -> (usize, usize) {
        match self {
            Self::Syntax { line, column, .. }
            | Self::Surface { line, column, .. }
            | Self::TooDeep { line, column }
            | Self::TooLarge { line, column }
            | Self::SecondDocument { line, column } => (*line, *column),
        }
    }

    /// What omsctl wants clearer than PyYAML does: rules that YAML 1.2 brought. `None` for what PyYAML refuses too, as far as
    /// the parser tells.
    pub(crate) fn stricter(&self) -> Option<&'static str> {
        let message = match self {
            Self::Syntax { message, .. } => message.as_str(),
            Self::Surface { why, .. } => why,
            Self::TooDeep { .. } | Self::TooLarge { .. } | Self::SecondDocument { .. } => return None,
        };
        Some(match message {
            "invalid indentation"
            | "invalid indentation in flow construct"
            | "invalid indentation in quoted scalar"
            | "while scanning a quoted scalar, found unexpected document indicator"
            | "wrongly indented line in block scalar" => {
                "a line that continues a value must begin deeper than its key"
            }
            "plain scalar cannot start with '-' followed by ,[]{}" => {
                "between brackets a lone `-` needs quotation marks"
            }
            "':' may not precede any of `[{` in flow mapping" => "a blank must stand behind `:`",
            "simple key expect ':'" => {
                "a line must be `key: value`, or continue a value and begin deeper than its key"
            }
            "tab cannot be used as indentation" | "a block scalar content cannot start with a tab" => {
                "a line must begin with blanks, not with a tab"
            }
            "comments must be separated from other tokens by whitespace"
            | "invalid trailing content after double-quoted scalar" => "a blank must stand before `#`",
            "while parsing a quoted scalar, found invalid Unicode character escape code" => {
                "an escape must stand for a character"
            }
            surface::ANCHOR => surface::ANCHOR,
            surface::BREAK => surface::BREAK,
            surface::BYTE_ORDER_MARK => surface::BYTE_ORDER_MARK,
            _ => return None,
        })
    }

    /// True when the text is YAML and only too much of it.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::TooDeep { .. } | Self::TooLarge { .. })
    }
}

/// A value and where it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: NodeValue,
    /// Of a sequence or a mapping; a scalar has its own.
    pub(crate) collection_tag: Option<ScalarTag>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeValue {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// In the order of the file, duplicates included.
    Mapping(Vec<(Node, Node)>),
}

/// A scalar as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Not quoted and no block: its form decides what it is.
    pub(crate) plain: bool,
    pub(crate) tag: Option<ScalarTag>,
}

/// The tags that somebody writes into an inventory or into config.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ScalarTag {
    /// `!!bool`, `!!int`, `!!str` and the like, without the exclamation marks.
    Core(String),
    /// `!vault`, `!unsafe`.
    Local(String),
}

impl Node {
    fn new(value: NodeValue, mark: Marker) -> Self {
        Self { value, collection_tag: None, line: mark.line(), column: mark.col() + 1 }
    }

    fn size(&self) -> usize {
        match &self.value {
            NodeValue::Scalar(_) => 1,
            NodeValue::Sequence(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            NodeValue::Mapping(entries) => {
                1 + entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>()
            }
        }
    }
}

/// Reads the first document; `None` when the text has none (empty, comments only).
pub(crate) fn parse_document(text: &str) -> Result<Option<Node>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A block that ends the file without a line break has none, in PyYAML and in libyaml.
    let unended = (!text.ends_with(['\n', '\r'])).then(|| text.chars().count());
    Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, unended }.document()
}

struct Builder<'input> {
    parser: Parser<'input, StrInput<'input>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// The length of a text whose last line is not ended, in characters.
    unended: Option<usize>,
}

impl Builder<'_> {
    fn document(&mut self) -> Result<Option<Node>, YamlError> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next.map_err(|error| syntax(&error))?;
            match event {
                Event::DocumentStart(_) => {
                    if root.is_some() {
                        let (line, column) = (span.start.line(), span.start.col() + 1);
                        return Err(YamlError::SecondDocument { line, column });
                    }
                    root = Some(self.node(0)?);
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentEnd
                | Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {}
            }
        }
        Ok(root)
    }

    fn node(&mut self, depth: usize) -> Result<Node, YamlError> {
        let (event, mark) = self.next()?;
        self.complete(event, mark, depth)
    }

    fn next(&mut self) -> Result<(OwnedEvent, Marker), YamlError> {
        match self.parser.next_event() {
            Some(Ok((mut event, span))) => {
                if let Event::Scalar(text, ScalarStyle::Literal | ScalarStyle::Folded, ..) = &mut event
                    && self.unended.is_some_and(|end| span.end.index() >= end)
                    && text.ends_with('\n')
                {
                    text.to_mut().pop();
                }
                Ok((OwnedEvent::from(event), span.start))
            }
            Some(Err(error)) => Err(syntax(&error)),
            None => {
                Err(YamlError::Syntax { line: 1, column: 1, message: "the file ends too early".to_owned() })
            }
        }
    }

    fn complete(&mut self, event: OwnedEvent, mark: Marker, depth: usize) -> Result<Node, YamlError> {
        let (line, column) = (mark.line(), mark.col() + 1);
        if depth > MAX_DEPTH {
            return Err(YamlError::TooDeep { line, column });
        }
        self.count(1, mark)?;
        let (node, anchor) = match event {
            OwnedEvent::Scalar(scalar, anchor) => (Node::new(NodeValue::Scalar(scalar), mark), anchor),
            OwnedEvent::Sequence(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    let (event, mark) = self.next()?;
                    if event == OwnedEvent::End {
                        break;
                    }
                    items.push(self.complete(event, mark, depth + 1)?);
                }
                (Node { collection_tag: tag, ..Node::new(NodeValue::Sequence(items), mark) }, anchor)
            }
            OwnedEvent::Mapping(anchor, tag) => {
                let mut entries = Vec::new();
                loop {
                    let (event, mark) = self.next()?;
                    if event == OwnedEvent::End {
                        break;
                    }
                    let key = self.complete(event, mark, depth + 1)?;
                    entries.push((key, self.node(depth + 1)?));
                }
                (Node { collection_tag: tag, ..Node::new(NodeValue::Mapping(entries), mark) }, anchor)
            }
            OwnedEvent::Alias(anchor) => {
                let Some((target, size)) = self.anchors.get(&anchor) else {
                    let message = "an alias refers to an anchor that is not complete".to_owned();
                    return Err(YamlError::Syntax { line, column, message });
                };
                let (target, size) = (target.clone(), *size);
                self.count(size, mark)?;
                return Ok(target);
            }
            OwnedEvent::End => {
                return Err(YamlError::Syntax { line, column, message: "a value is missing".to_owned() });
            }
        };
        if anchor > 0 {
            let size = node.size();
            // The copy that the anchor keeps counts as well.
            self.count(size, mark)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, mark: Marker) -> Result<(), YamlError> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(YamlError::TooLarge { line: mark.line(), column: mark.col() + 1 });
        }
        Ok(())
    }
}

/// A parser event without its borrow and with one kind of end.
#[derive(Debug, PartialEq)]
enum OwnedEvent {
    Scalar(Scalar, usize),
    Sequence(usize, Option<ScalarTag>),
    Mapping(usize, Option<ScalarTag>),
    Alias(usize),
    End,
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // A lone `!` makes a plain scalar of whatever follows, in PyYAML and in libyaml.
                let lone = tag.as_ref().is_some_and(|tag| is_lone(tag));
                let plain = lone || style == ScalarStyle::Plain;
                let tag = tag.filter(|_| !lone).map(|tag| scalar_tag(&tag));
                Self::Scalar(Scalar { text: text.into_owned(), plain, tag }, anchor)
            }
            Event::SequenceStart(anchor, tag) => Self::Sequence(anchor, collection_tag(tag.as_deref())),
            Event::MappingStart(anchor, tag) => Self::Mapping(anchor, collection_tag(tag.as_deref())),
            Event::Alias(anchor) => Self::Alias(anchor),
            Event::SequenceEnd
            | Event::MappingEnd
            | Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Self::End,
        }
    }
}

fn scalar_tag(tag: &Tag) -> ScalarTag {
    if tag.is_yaml_core_schema() {
        return ScalarTag::Core(tag.suffix.clone());
    }
    if tag.handle.is_empty() {
        // A verbatim tag: `!<tag:yaml.org,2002:str>`.
        return match tag.suffix.strip_prefix("tag:yaml.org,2002:") {
            Some(name) => ScalarTag::Core(name.to_owned()),
            None => ScalarTag::Local(tag.suffix.trim_start_matches('!').to_owned()),
        };
    }
    ScalarTag::Local(tag.suffix.clone())
}

fn is_lone(tag: &Tag) -> bool {
    (tag.handle.is_empty() || tag.handle == "!") && (tag.suffix.is_empty() || tag.suffix == "!")
}

fn collection_tag(tag: Option<&Tag>) -> Option<ScalarTag> {
    tag.filter(|tag| !is_lone(tag)).map(scalar_tag)
}

fn syntax(error: &ScanError) -> YamlError {
    let mark = error.marker();
    YamlError::Syntax { line: mark.line().max(1), column: mark.col() + 1, message: error.info().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_keep_text_style_tag_and_place() {
        let root = parse_document("a: 0123\nb:  !!bool \"true\"\n").unwrap().unwrap();
        let NodeValue::Mapping(entries) = root.value else { panic!("a mapping") };
        let plain = Scalar { text: "0123".to_owned(), plain: true, tag: None };
        assert_eq!(
            entries[0].1,
            Node { value: NodeValue::Scalar(plain), collection_tag: None, line: 1, column: 4 }
        );
        let tag = Some(ScalarTag::Core("bool".to_owned()));
        let tagged = Scalar { text: "true".to_owned(), plain: false, tag };
        assert_eq!(entries[1].1.value, NodeValue::Scalar(tagged));
        assert_eq!((entries[1].0.line, entries[1].0.column), (2, 1));
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut lines = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 7].join(", ");
            lines.push(format!("a{level}: &a{level} [{aliases}]"));
        }
        let text = lines.join("\n");
        assert!(matches!(parse_document(&text), Err(YamlError::TooLarge { .. })));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = "[".repeat(100_000);
        assert!(parse_document(&text).is_err());
        let block: Vec<String> = (0..100).map(|level| " ".repeat(level) + "a:\n").collect();
        let block = block.concat();
        assert!(matches!(parse_document(&block), Err(YamlError::TooDeep { .. })));
    }

    #[test]
    fn an_empty_file_has_no_document() {
        assert_eq!(parse_document("# nothing\n"), Ok(None));
        assert_eq!(parse_document(""), Ok(None));
    }
}
