"""The image of kubeflow/Dockerfile. The requirements are those of test_containers.py."""

from typing import Any

from tests.e2e.cluster import IMAGE


def test_the_image_is_small_and_does_not_run_as_root(docker_client: Any) -> None:
    """At most 3 GB, without compilers, caches of installers, and packages that only tests and checks need."""

    def output(*command: str) -> str:
        printed: bytes = docker_client.containers.run(
            IMAGE, command, entrypoint="", network_mode="none", remove=True
        )
        return printed.decode()

    image = docker_client.images.get(IMAGE)
    assert image.attrs["Size"] <= 3e9
    assert image.attrs["Config"]["User"] == "10001"
    assert output("id", "--user").strip() == "10001"
    assert output("regpipe", "--version") == "regpipe 0.2.0\n"
    find = "import shutil, sys; print([word for word in sys.argv[1:] if shutil.which(word)])"
    compilers = ("cc", "c++", "gcc", "clang", "ld", "as", "make", "uv")
    assert output("python", "-c", find, *compilers, "python") == "['python']\n"
    modules = "import importlib.util as i, sys; print([word for word in sys.argv[1:] if i.find_spec(word)])"
    assert output("python", "-c", modules, "pip", "pytest", "mypy", "playwright") == "[]\n"
    left = ["-name", ".cache", "-o", "-name", "*.whl", "-o", "-name", "test_containers.py"]
    assert output("find", "/home", "/opt", "/tmp", *left) == ""
