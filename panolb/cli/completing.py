"""The command ``completion``: lines for a shell, so that it completes commands, options and the names of members."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .showing import say

_WHERE = {
    "bash": 'eval "$(panolb completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(panolb completion zsh)" in ~/.zshrc',
    "fish": "panolb completion fish > ~/.config/fish/completions/panolb.fish",
}


@click.command(epilog="\b\n" + "\n".join(f"{shell:5} {where}" for shell, where in _WHERE.items()))
@click.argument("shell", type=click.Choice(sorted(_WHERE)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what SHELL needs to complete words.

    Commands, options and, while panolb can be asked, names of members, balancers and sessions.
    """
    made = get_completion_class(shell)
    assert made is not None
    say(made(context.find_root().command, {}, "panolb", "_PANOLB_COMPLETE").source().rstrip("\n"))
