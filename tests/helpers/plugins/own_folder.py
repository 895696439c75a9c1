"""Own pictures, read as `folder` reads them, with a protocol of their own."""

from fewshot_bench.plugins.episodes.folder import Folder

from fewshot_bench import DataCard, FewShot


class OwnFolder(Folder):
    """Four classes, of which two are held out; the others are trained on."""

    card = DataCard(title="Own pictures", source="a test", year=2026, found_as=("own",))
    protocols = (
        FewShot(
            name="own-folder-heldout",
            dataset="own-folder",
            test_classes=("dent", "rust"),
            ways=2,
        ),
    )
