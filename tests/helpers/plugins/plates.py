"""Pictures of plates with three defects, a folder each, as a stranger reads them."""

from dataclasses import dataclass

from fewshot_bench import (
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    Settings,
    class_layout,
    group_by_class,
    read_images,
)


@dataclass(frozen=True, kw_only=True)
class PlatesSettings(Settings):
    side: int = 16


class Plates(DataSet):
    card = DataCard(title="Plates", source="a test", year=2026)
    settings_type = PlatesSettings
    protocols = (
        FewShot(
            name="plates-heldout",
            dataset="plates",
            train_classes=("dent",),
            test_classes=("hole", "rust"),
            ways=2,
            shots=(1,),
            queries=2,
        ),
    )

    def load(self, path):
        with FileTree(path) as tree:
            layout = class_layout(tree)
            read = read_images(tree, layout.files, side=self.settings.side)
        return group_by_class(
            "plates",
            read.images,
            layout.labels,
            layout.class_names,
            layout.files,
            abbreviations={"D": "dent"},
        )

    @classmethod
    def recognises(cls, files):
        return any("plate" in file for file in files)
