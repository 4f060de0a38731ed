"""Moods as tracking reads them: a mood that comes back whole scores its level, and is most like itself."""

import pytest

from gaussian_head.evaluation import rig_moods

MOODS = ("happy", "sad", "surprised")


def test_what_comes_back_whole_scores_its_level():
    for key, units in rig_moods.asked(MOODS, (0.3, 0.6)).items():
        mood, level = key.split()
        seen = rig_moods._seen(units, mood, MOODS)
        assert seen.seen == pytest.approx(float(level), abs=1e-5)
        assert max(seen.cosine, key=seen.cosine.__getitem__) == mood
        half = rig_moods._seen(0.5 * units, mood, MOODS)
        assert half.seen == pytest.approx(seen.seen / 2)
        assert half.cosine == pytest.approx(seen.cosine)
