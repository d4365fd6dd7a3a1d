"""The examples of deployment: they parse, and every option in them is one that the program takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.service import Options

PACKAGING = Path(__file__).parent.parent / "packaging"
KUBERNETES, COMPOSE = PACKAGING / "kubernetes" / "ccsproxy.yaml", PACKAGING / "compose" / "compose.yaml"


class DeploymentTests(SynchronousTestCase):
    """Kubernetes and Compose."""

    def config(self, options: list[str]) -> Any:
        """Read options as the program does, with files of keys in the place of those that are mounted."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        for name, text in (("clients", ""), ("anthropic-key", "synthetic"), ("openai-key", "synthetic")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        parsed = Options()
        parsed.parseOptions([re.sub(r"/(?:keys|run/secrets)/", f"{folder}/", each) for each in options])
        return parsed.config

    def test_kubernetes(self) -> None:
        """Each document has what it must; the options are taken; mounts, ports and keys fit together."""
        documents = list(yaml.safe_load_all(KUBERNETES.read_text()))
        for each in documents:
            self.assertLessEqual({"apiVersion", "kind", "metadata"}, each.keys())
        (stateful,) = [each for each in documents if each["kind"] == "StatefulSet"]
        pod = stateful["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        config = self.config(container["args"])
        self.assertGreater(pod["terminationGracePeriodSeconds"], config.drain_timeout)
        # A volume's root belongs to root, and the group may write to it; ours has to be ours alone.
        self.assertEqual(config.data_dir.parent, Path("/data"))
        self.assertEqual(pod["securityContext"]["fsGroupChangePolicy"], "OnRootMismatch")
        self.assertEqual({port["containerPort"] for port in container["ports"]}, set(ports_of(config)))
        volumes = {each["name"] for each in pod["volumes"]} | {
            each["metadata"]["name"] for each in stateful["spec"]["volumeClaimTemplates"]
        }
        self.assertEqual({each["name"] for each in container["volumeMounts"]}, volumes)
        mounted = {each["mountPath"] for each in container["volumeMounts"]}
        for argument in container["args"]:
            for path in re.findall(r"=(/[^/=]+)/", argument):
                self.assertIn(path, mounted)
        names = {each["metadata"]["name"] for each in documents if each["kind"] == "Service"}
        self.assertIn(stateful["spec"]["serviceName"], names)
        self.assertIsNotNone(config.client_keys)

        hardened = {**container["securityContext"], **pod["securityContext"]}
        self.assertTrue(hardened["readOnlyRootFilesystem"] and hardened["runAsNonRoot"])
        self.assertEqual((hardened["capabilities"], hardened["allowPrivilegeEscalation"]), ({"drop": ["ALL"]}, False))

    def test_metrics_that_there_are(self) -> None:
        """Each metric of the alerts and of the dashboard is one that the documentation lists."""
        listed = set(re.findall(r"ccsproxy_\w+", (PACKAGING.parent / "docs" / "metrics.md").read_text()))
        for path in (PACKAGING / "prometheus" / "ccsproxy.rules.yaml", PACKAGING / "grafana" / "ccsproxy.json"):
            text = re.sub(r"(rule_files:.*|ccsproxy\.rules)", "", path.read_text())
            used = {
                re.sub(r"(?<=seconds)_(bucket|count|sum)$", "", each) for each in re.findall(r"ccsproxy_\w+", text)
            }
            self.assertEqual(used - listed, set(), path.name)
            self.assertGreater(len(used), 10)

    def test_compose(self) -> None:
        """The same of the service of Compose; secrets that are named are declared."""
        whole = yaml.safe_load(COMPOSE.read_text())
        service = whole["services"]["ccsproxy"]
        config = self.config(service["command"])
        self.assertEqual(set(service["secrets"]), set(whole["secrets"]))
        for argument in service["command"]:
            for name in re.findall(r"/run/secrets/(\S+)", argument):
                self.assertIn(name, service["secrets"])
        published = {int(str(each).rpartition(":")[2]) for each in service["ports"]}
        self.assertEqual(published, set(ports_of(config)))
        self.assertGreater(int(service["stop_grace_period"].rstrip("s")), config.drain_timeout)

    def test_image(self) -> None:
        """The image starts the service in the foreground, as nobody's root, and stores where the examples mount."""
        lines = (COMPOSE.parent / "Dockerfile").read_text()
        self.assertRegex(lines, r'ENTRYPOINT \["twistd", "-n", .*"--data-dir", "/data"\]')
        self.assertRegex(lines, r"(?m)^USER 10001$")

    def test_no_secrets(self) -> None:
        """Nothing in an example is a credential."""
        for path in PACKAGING.rglob("*"):
            if path.is_file() and path.suffix in (".yaml", ""):
                self.assertNotRegex(path.read_text("utf-8", "replace"), r"sk-[A-Za-z]|ccsk-[A-Za-z0-9]")


def ports_of(config: Any) -> Iterator[int]:
    for endpoint in (*config.listen, *config.api_listen):
        yield int(endpoint.split(":")[1])
