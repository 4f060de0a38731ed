"""A made-up talking person with known truth: something to try the toolkit on, and to measure it with."""

from .clip import DemoClip as DemoClip
from .clip import make_demo_clip as make_demo_clip
from .render import TruthFrame as TruthFrame
from .render import render_truth as render_truth
from .truth import DemoTruth as DemoTruth
