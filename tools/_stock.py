"""Hands over to a tool of the installed MMPose, with its flags unchanged."""

import os
import runpy
import sys
from pathlib import Path

# What a wrong path, name or value on the command line or in a config raises.
INPUT_ERRORS = (OSError, ValueError, ImportError, AssertionError)


def make_importable() -> None:
    """Put the checkout's package first, whether it is installed or not."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'projects'))
    import synhand  # noqa: F401  mends third-party traps


def run(name: str) -> None:
    """Run ``mmpose/.mim/tools/NAME`` as if it had been called itself.

    Bad input ends in one line and exit status 1; the environment variable
    ``SYNHAND_TRACEBACK=1`` shows the traceback instead.
    """
    make_importable()
    import mmpose

    script = Path(mmpose.__file__).parent / '.mim' / 'tools' / name
    if os.environ.get('SYNHAND_TRACEBACK') == '1':
        runpy.run_path(str(script), run_name='__main__')
    else:
        try:
            check_checkpoints(sys.argv[1:])
            runpy.run_path(str(script), run_name='__main__')
        except Exception as error:
            if not _is_input_error(error):
                raise
            sys.exit(f'{name}: error: {one_line(error)}')
    leave_process_group()


def leave_process_group() -> None:
    """End the threads of a distributed run before the interpreter ends.

    MMEngine leaves the group standing; Gloo's threads may then still hold
    tensors while Python ends, and abort a run that has done all its work
    (PyTorch's pull request 179291). Not called after an error: the other
    processes would be waited for.
    """
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def check_checkpoints(arguments: list[str]) -> None:
    """Refuse weights that are not there before a set is read.

    Raises:
        FileNotFoundError, ValueError: No such file, no such released model.
    """
    from synhand.zoo import FINDERS, MODELS, SCHEME, released_model

    for argument in arguments:
        if argument.startswith(SCHEME):
            name = argument.removeprefix(SCHEME)
            released_model(name, {**MODELS, **FINDERS})
        elif _is_checkpoint(argument) and not Path(argument).is_file():
            raise FileNotFoundError(f'{argument}: no such checkpoint')


def _is_checkpoint(argument: str) -> bool:
    elsewhere = '://' in argument or '=' in argument
    return argument.endswith('.pth') and not elsewhere


def _is_input_error(error: Exception) -> bool:
    from mmengine.config.utils import ConfigParsingError

    if isinstance(error, KeyError):  # of a registry; not of a plain dict
        return 'registry' in str(error)
    return isinstance(error, (*INPUT_ERRORS, ConfigParsingError))


def one_line(error: Exception) -> str:
    """The message of an error, without the traceback a worker may add."""
    text = str(error)
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    if 'Traceback (most recent call last)' in text:
        text = text.strip().splitlines()[-1]
    text = ' '.join(text.split())
    hint = 'SYNHAND_TRACEBACK=1 shows where'
    return f'{text or type(error).__name__} ({hint})'
