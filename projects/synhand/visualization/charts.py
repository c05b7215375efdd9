"""Charts as SVG text, to stand inside a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

_SIZE = (5.2, 3.4)  # inches
_BOTTOM = 0.13
_BOTTOM_OF_NAMES = 0.2
_SETTINGS = {
    'font.size': 8,
    'svg.fonttype': 'none',  # text stays text
    'svg.hashsalt': 'synhand',  # the same chart is the same text
}
_COLOURS = ('#4c78a8', '#e45756', '#54a24b', '#b279a2', '#f58518', '#72b7b2')
_GREYS = ('#8a8a8a', '#c2c2c2', '#5a5a5a')
_FLOOR_LINES = ('--', ':', '-.')


@dataclass(frozen=True)
class Series:
    """Numbers of one model; those of a floor are drawn grey."""

    values: npt.NDArray[np.float64]
    floor: bool = False


def line_chart(
    series: Mapping[str, Series],
    places: npt.ArrayLike,
    title: str,
    x_label: str,
    y_label: str,
) -> str:
    """Curves over shared places, from 0 to 1.

    Args:
        series: By name; `values` (T,) each.
        places: (T,) on the horizontal axis.
        title: Above the chart.
        x_label: What `places` are, with the unit.
        y_label: What `values` are.

    Returns:
        An `<svg>` element.
    """
    figure, axes = _axes(title, x_label, y_label)
    for name, style, one in _styled(series):
        axes.plot(places, one.values, label=name, **style)
    axes.set_ylim(0, 1)
    axes.set_xlim(np.min(places), np.max(places))
    return _svg(figure, axes, len(series))


def bar_chart(
    series: Mapping[str, Series],
    names: Sequence[str],
    title: str,
    y_label: str,
) -> str:
    """Groups of bars, one group a name.

    Args:
        series: By name; `values` (K,) each, NaN where there is none.
        names: K names of the groups.
        title: Above the chart.
        y_label: What `values` are, with the unit.

    Returns:
        An `<svg>` element.
    """
    figure, axes = _axes(title, '', y_label)
    width = 0.8 / max(len(series), 1)
    for number, (name, style, one) in enumerate(_styled(series)):
        places = np.arange(len(names)) - 0.4 + (number + 0.5) * width
        height = np.nan_to_num(one.values)
        axes.bar(places, height, width, label=name, color=style['color'])
    figure.subplots_adjust(bottom=_BOTTOM_OF_NAMES)
    axes.margins(y=0.25)  # for the legend
    axes.set_xticks(
        np.arange(len(names)), names, rotation=60, ha='right', fontsize=6.5
    )
    return _svg(figure, axes, len(series))


def _axes(title: str, x_label: str, y_label: str):
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(_SIZE)
        figure.subplots_adjust(0.11, _BOTTOM, 0.98, 0.92)
        axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(color='#e6e6e6')
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    return figure, axes


def _styled(series: Mapping[str, Series]):
    """(name, style of the line, series), models in colours, floors grey."""
    counts = {True: 0, False: 0}
    for name, one in series.items():
        number = counts[one.floor]
        counts[one.floor] += 1
        if one.floor:
            line = _FLOOR_LINES[number % len(_FLOOR_LINES)]
            grey = _GREYS[number % len(_GREYS)]
            yield name, dict(color=grey, linestyle=line), one
        else:
            yield name, dict(color=_COLOURS[number % len(_COLOURS)]), one


def _svg(figure: Figure, axes, count: int) -> str:
    if count:
        axes.legend(frameon=False, fontsize=7)
    buffer = io.StringIO()
    with matplotlib.rc_context(_SETTINGS):
        figure.savefig(buffer, format='svg', metadata={'Date': None})
    text = buffer.getvalue()
    return text[text.index('<svg') :]
