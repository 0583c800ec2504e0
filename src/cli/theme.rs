//! Colours, by what they mean.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects, Style};

/// The styles in use: all plain when there are no colours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Theme {
    /// Whether there are colours.
    pub(super) is_color: bool,
    /// What came.
    pub(super) added: Style,
    /// What went.
    pub(super) removed: Style,
    /// What changed.
    pub(super) changed: Style,
    /// Ids of commits.
    pub(super) id: Style,
    /// HEAD and the current branch.
    pub(super) head: Style,
    /// Branches.
    pub(super) branch: Style,
    /// Tags.
    pub(super) tag: Style,
    /// Autosaves and hunk headers.
    pub(super) aside: Style,
    /// Headings.
    pub(super) title: Style,
    /// What matters less.
    pub(super) dim: Style,
    /// The word `error:`.
    pub(super) error: Style,
    /// The word `warning:`.
    pub(super) warning: Style,
    /// The word `hint:`.
    pub(super) hint: Style,
}

impl Theme {
    /// No colours.
    pub(super) fn plain() -> Self {
        Self::default()
    }

    /// Colours of the terminal's own palette.
    pub(super) fn color() -> Self {
        let fg = |color: AnsiColor| Style::new().fg_color(Some(Color::Ansi(color)));
        Self {
            is_color: true,
            added: fg(AnsiColor::Green),
            removed: fg(AnsiColor::Red),
            changed: fg(AnsiColor::Yellow),
            id: fg(AnsiColor::Yellow),
            head: fg(AnsiColor::Cyan) | Effects::BOLD,
            branch: fg(AnsiColor::Green) | Effects::BOLD,
            tag: fg(AnsiColor::Yellow) | Effects::BOLD,
            aside: fg(AnsiColor::Cyan),
            title: Style::new() | Effects::BOLD,
            dim: Style::new() | Effects::DIMMED,
            error: fg(AnsiColor::Red) | Effects::BOLD,
            warning: fg(AnsiColor::Yellow) | Effects::BOLD,
            hint: fg(AnsiColor::Cyan) | Effects::BOLD,
        }
    }

    /// Text that somebody else wrote: on a terminal, without control characters that could draw on it.
    pub(super) fn foreign<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        if !self.is_color || text.chars().all(is_harmless) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(
            text.chars()
                .map(|c| if is_harmless(c) { c } else { '\u{fffd}' })
                .collect(),
        )
    }
}

/// Text in a style.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}
