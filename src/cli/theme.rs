//! Colours, by what they mean.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::{AnsiColor, Color, Effects, Style};

/// The styles in use: all plain when there are no colours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Theme {
    /// Whether there are colours.
    pub(super) is_color: bool,
    /// Whether a terminal may show it, to which control characters are orders.
    pub(super) is_shown: bool,
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

    /// The same for what may be a terminal.
    pub(super) fn shown(self, is_terminal: bool) -> Self {
        Self {
            is_shown: self.is_shown || is_terminal,
            ..self
        }
    }

    /// Colours of the terminal's own palette.
    pub(super) fn color() -> Self {
        let fg = |color: AnsiColor| Style::new().fg_color(Some(Color::Ansi(color)));
        Self {
            is_color: true,
            is_shown: true,
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
        if !self.is_shown || text.chars().all(is_harmless) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(
            text.chars()
                .map(|c| if is_harmless(c) { c } else { '\u{fffd}' })
                .collect(),
        )
    }
}

/// No order to a terminal, and nothing that makes text run backwards over other text.
fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(c, '\n' | '\t') || !(c.is_control() || turns)
}

/// Text in a style.
pub(super) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_orders_whether_there_are_colours_or_not() {
        let evil = "a\x1b[2Jb\u{9b}31mc\u{202e}d\r\ne\tf";
        let shown = "a\u{fffd}[2Jb\u{fffd}31mc\u{fffd}d\u{fffd}\ne\tf";
        assert_eq!(Theme::color().foreign(evil), shown);
        assert_eq!(Theme::plain().shown(true).foreign(evil), shown);
        // A file or pipe gets what is there.
        assert_eq!(Theme::plain().shown(false).foreign(evil), evil);
    }
}
