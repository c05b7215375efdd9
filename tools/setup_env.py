"""Creates ``.venv`` with everything the project needs: ``make setup``.

Runs with the system's ``python3`` and the standard library alone. Repeating
it costs nothing until pyproject.toml, requirements/ or Python change.

Environment variables:
    SYNHAND_TORCH_INDEX: Extra package index with CPU builds of torch, used on
        a machine without an NVIDIA GPU. Unset: pip's own configuration.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
STAMP = VENV / 'synhand-setup.stamp'
REQUIREMENTS = ROOT / 'requirements'

TORCH = 'torch==2.13.0'
OLDEST_TORCH = (2, 6)
OLDEST_PYTHON = (3, 10)
MMCV = 'onedl-mmcv'
# Original distribution -> fork; they install the same folder.
FORKS = {
    'mmcv': 'onedl-mmcv',
    'mmcv-full': 'onedl-mmcv',
    'mmcv-lite': 'onedl-mmcv',
    'mmengine': 'onedl-mmengine',
    'mmengine-lite': 'onedl-mmengine',
    'mmdet': 'onedl-mmdetection',
}
GL_PACKAGES = ('libegl1', 'libgl1', 'libgl1-mesa-dri', 'libgles2')

OPEN_CONTEXT = (
    'import moderngl; '
    "moderngl.create_standalone_context(backend='egl').release()"
)
IMPORT_STACK = (
    'import synhand, mmengine.runner, mmdet.models, mmpose.models; '
    'import xtcocotools.coco'
)
INSTALLED = (
    'import importlib.metadata as m; '
    'print(*(f\'{d.metadata["Name"]}=={d.version}\' for d in m.distributions()'
    ' if d.metadata["Name"]))'
)

START = time.monotonic()


class SetupError(Exception):
    """Something only the user can mend; its message is one line."""


def say(text: str) -> None:
    """Print a progress line with the seconds since the start."""
    print(f'setup [{time.monotonic() - START:5.1f} s] {text}', flush=True)


def run(*command: str, fails_as: str, **environment: str) -> str:
    """Run a command silently; its last words explain a failure."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print('\n'.join(done.stdout.splitlines()[-15:]), file=sys.stderr)
        raise SetupError(fails_as)
    return done.stdout


def succeeds(*command: str) -> bool:
    """Whether a command exists and ends with status 0."""
    if shutil.which(command[0]) is None:
        return False
    return not subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, check=False
    ).returncode


# Stamp ---------------------------------------------------------------------


def fingerprint() -> str:
    """Changes when what set-up would install changes."""
    digest = hashlib.sha256(sys.version.encode())
    files = [ROOT / 'pyproject.toml', ROOT / 'tools' / 'setup_env.py']
    for file in [*files, *sorted(REQUIREMENTS.glob('*.txt'))]:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the last set-up finished and still holds."""
    return (
        PYTHON.exists()
        and STAMP.exists()
        and STAMP.read_text().strip() == fingerprint()
    )


# System packages -----------------------------------------------------------


def missing_for_python() -> list:
    """Debian packages without which .venv cannot be made."""
    missing = []
    if not (
        importlib.util.find_spec('venv')
        and importlib.util.find_spec('ensurepip')
    ):
        missing.append('python{}.{}-venv'.format(*sys.version_info))
    if not (shutil.which('cc') or shutil.which('gcc')):
        missing += ['gcc', 'libc6-dev']
    if not Path(sysconfig.get_paths()['include'], 'Python.h').exists():
        missing.append('python{}.{}-dev'.format(*sys.version_info))
    return missing


def missing_for_gl() -> list:
    """Debian packages for rendering that dpkg does not list."""
    if shutil.which('dpkg-query') is None:
        return []
    return [p for p in GL_PACKAGES if not is_installed(p)]


def is_installed(package: str) -> bool:
    """Whether dpkg lists a package as installed."""
    status = subprocess.run(
        ['dpkg-query', '-W', '-f', '${db:Status-Status}', package],
        capture_output=True,
        text=True,
        check=False,
    )
    return status.stdout == 'installed'


def apt_prefix():
    """The start of an apt-get command that needs no password, or None."""
    if shutil.which('apt-get') is None:
        return None
    if os.geteuid() == 0:
        return ()
    return ('sudo', '-n') if succeeds('sudo', '-n', 'true') else None


def apt_command(packages: list) -> str:
    """What the user can run where set-up may not."""
    return (
        'sudo apt-get update && sudo apt-get install -y '
        '--no-install-recommends ' + ' '.join(packages)
    )


def install_system_packages(packages: list) -> bool:
    """Install with apt-get where that is permitted; whether it worked."""
    prefix = apt_prefix()
    if prefix is None:
        return False
    say('system packages: ' + ' '.join(packages))
    options = ('-y', '-qq', '--no-install-recommends')
    # `env` sets the variable behind sudo, which clears the environment.
    apt = (*prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get')
    try:
        run(*apt, 'update', '-qq', fails_as='apt-get update failed')
        run(*apt, 'install', *options, *packages, fails_as='apt-get failed')
    except SetupError as error:
        say(str(error))
        return False
    return True


def prepare_system() -> None:
    """Compiler, headers, venv and GL; only the last may stay missing here."""
    needed, for_gl = missing_for_python(), missing_for_gl()
    if not needed and not for_gl:
        return
    installed = install_system_packages(needed + for_gl)
    if needed and not installed:
        raise SetupError(
            f'missing system packages; run: {apt_command(needed + for_gl)}'
        )
    if needed and missing_for_python():
        raise SetupError('still missing: ' + ' '.join(missing_for_python()))


# Python packages -----------------------------------------------------------


def system_torch_fits() -> bool:
    """Whether the system's Python brings a torch worth keeping (CUDA)."""
    if sys.prefix != sys.base_prefix or not importlib.util.find_spec('torch'):
        return False
    from importlib.metadata import PackageNotFoundError, version

    try:
        return numbers(version('torch')) >= OLDEST_TORCH
    except PackageNotFoundError:
        return False


def numbers(version: str) -> tuple:
    """The first two numbers of a version: '2.13.0+cpu' -> (2, 13)."""
    return tuple(int(part) for part in version.split('.')[:2])


def make_venv() -> None:
    """Create .venv, on top of the system's torch where there is one."""
    if PYTHON.exists() and succeeds(str(PYTHON), '-m', 'pip', '--version'):
        return  # one without pip is left from an interrupted set-up
    say('.venv')
    shared = ['--system-site-packages'] if system_torch_fits() else []
    run(sys.executable, '-m', 'venv', *shared, str(VENV), fails_as='no .venv')


def installed_packages() -> dict:
    """Name and version of all packages that .venv sees."""
    found = run(str(PYTHON), '-c', INSTALLED, fails_as='.venv is broken')
    pairs = (item.split('==', 1) for item in found.split())
    return {name.lower().replace('_', '-'): v for name, v in pairs}


def distributions() -> set:
    """Names of the distributions in .venv, without starting its Python."""
    folders = VENV.glob('lib/python*/site-packages/*.dist-info')
    names = (folder.name.split('-')[0] for folder in folders)
    return {name.lower().replace('_', '-') for name in names}


def refuse_originals(installed) -> None:
    """Raise where an original stands beside its fork, or will."""
    mixed = [name for name in FORKS if name in installed]
    if mixed:
        forks = sorted({FORKS[name] for name in mixed})
        raise SetupError(
            f'{", ".join(mixed)} installs the same folder as '
            f'{", ".join(forks)}; run: {PYTHON} -m pip uninstall -y '
            f'{" ".join([*mixed, *forks])}'
        )


def pip(*arguments: str, fails_as: str) -> None:
    """``pip install`` into .venv."""
    run(
        str(PYTHON),
        *('-m', 'pip', 'install', '--disable-pip-version-check'),
        '--no-compile',  # Python compiles what is imported, when it is
        *arguments,
        fails_as=fails_as,
    )


def install_torch(installed: dict) -> None:
    """Keep a torch that is there; else the build for this machine."""
    if numbers(installed.get('torch', '0.0')) >= OLDEST_TORCH:
        say(f'torch {installed["torch"]} is kept')
        return
    index = os.environ.get('SYNHAND_TORCH_INDEX')
    if succeeds('nvidia-smi'):
        say(f'{TORCH} for the NVIDIA GPU')
        source = []
    else:
        hint = '' if index else '; SYNHAND_TORCH_INDEX can name a CPU index'
        say(f'{TORCH}, no NVIDIA GPU found{hint}')
        source = ['--extra-index-url', index] if index else []
    pip(TORCH, *source, fails_as=f'could not install {TORCH}')


def install_packages() -> None:
    """The project with its dependencies, and the OpenMMLab stack."""
    say('dependencies and this project')
    pip(
        *('-e', '.[test]', '-r', str(REQUIREMENTS / 'build.txt')),
        fails_as='could not install the dependencies',
    )
    say('OpenMMLab stack (pure Python, no compiled operators)')
    pip(
        *('--no-deps', '-r', str(REQUIREMENTS / 'openmmlab.txt')),
        fails_as='could not install the OpenMMLab stack',
    )
    say('xtcocotools, from source')
    pip(
        *('--no-deps', '--no-build-isolation'),
        *('-r', str(REQUIREMENTS / 'xtcocotools.txt')),
        fails_as='could not build xtcocotools',
    )


def check() -> None:
    """The stack imports, and rendering without a screen works."""
    say('check: imports, rendering')
    run(
        str(PYTHON),
        *('-W', 'ignore', '-c', IMPORT_STACK),
        fails_as='the installed stack does not import',
    )
    if not succeeds(str(PYTHON), '-c', OPEN_CONTEXT):
        raise SetupError(
            'no off-screen OpenGL (EGL); run: '
            + apt_command(list(GL_PACKAGES))
        )


def pinned(package: str) -> str:
    """A package's line in requirements/openmmlab.txt."""
    lines = (REQUIREMENTS / 'openmmlab.txt').read_text().splitlines()
    return next(line for line in lines if line.startswith(package + '=='))


def compile_operators() -> None:
    """Replace the pure-Python mmcv by one with compiled operators."""
    say("mmcv's operators, about 20 minutes on two cores")
    pip('-e', '.[ops]', fails_as='could not install the build tools')
    # No cache: pip would take, or leave behind, a wheel of the other kind.
    pip(
        *('--no-build-isolation', '--force-reinstall', '--no-deps'),
        *('--no-cache-dir', '--no-binary', MMCV, pinned(MMCV)),
        fails_as=f'could not compile {MMCV}',
    )
    run(
        str(PYTHON),
        *('-c', 'import mmcv._ext'),
        fails_as=f'{MMCV} was built without its operators',
    )
    say('done')


def set_up() -> None:
    """All steps, then the stamp."""
    prepare_system()
    make_venv()
    installed = installed_packages()
    refuse_originals(installed)
    install_torch(installed)
    install_packages()
    check()
    STAMP.write_text(fingerprint())
    say('done')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--ops', action='store_true', help="compile mmcv's operators as well"
    )
    arguments = parser.parse_args()
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise SetupError('Python 3.10 or newer is needed')
        if is_current():
            refuse_originals(distributions())
        else:
            set_up()
        if arguments.ops:
            compile_operators()
    except SetupError as error:
        sys.exit(f'setup: {error}')


if __name__ == '__main__':
    main()
