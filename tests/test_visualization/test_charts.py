import re

import numpy as np

from synhand.visualization.charts import Series, bar_chart, line_chart


def colours(text):
    return set(re.findall(r'#[0-9a-f]{6}', text))


def test_curves_are_paths_with_names_and_the_same_each_time():
    places = np.linspace(0, 50, 11)
    series = {
        'a model': Series(places / 50),
        'another': Series(places / 100),
        'a floor': Series(places / 200, floor=True),
    }
    text = line_chart(series, places, 'title', 'mm', 'share')
    assert text.startswith('<svg') and text.rstrip().endswith('</svg>')
    for word in ('a model', 'another', 'a floor', 'title', 'mm', 'share'):
        assert f'>{word}<' in text
    assert {'#4c78a8', '#e45756', '#8a8a8a'} <= colours(text)
    assert text == line_chart(series, places, 'title', 'mm', 'share')
    assert text != line_chart(
        {'a model': series['another']}, places, 'title', 'mm', 'share'
    )


def test_bars_of_keypoints_without_a_number_have_no_height():
    names = ['wrist', 'tip']
    with_hole = bar_chart(
        {'m': Series(np.array([3.0, np.nan]))}, names, 't', 'mm'
    )
    zero = bar_chart({'m': Series(np.array([3.0, 0.0]))}, names, 't', 'mm')
    full = bar_chart({'m': Series(np.array([3.0, 9.0]))}, names, 't', 'mm')
    assert with_hole == zero != full
    assert '>wrist<' in full and '>tip<' in full
