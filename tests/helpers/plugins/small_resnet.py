"""The baseline `resnet` with a network that trains fast."""

from dataclasses import dataclass

from fewshot_bench.plugins.baselines.resnet import ResNet

from fewshot_bench import Card


@dataclass(frozen=True, kw_only=True)
class SmallSettings(ResNet.settings_type):
    encoder: str = "squeezenet1_1"
    image_size: int = 32
    precision: str = "float32"


class SmallResNet(ResNet):
    card = Card(title="Small ResNet", paper="a test")
    settings_type = SmallSettings
