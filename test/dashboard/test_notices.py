"""Tests of what a person must know before believing the pages."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.notices import notices


class NoticesTests(SynchronousTestCase):
    """What a person must know."""

    def test_all_is_well(self) -> None:
        """Nothing is said when nothing is wrong, or nothing is known yet."""
        self.assertEqual(notices({}), [])
        self.assertEqual(notices({"redact": True, "store": "ok", "dropped": {}, "recorder": "ready"}), [])

    def test_trouble(self) -> None:
        """Each trouble has its sentence."""
        said = notices({"redact": False, "recorder": "down", "dropped": 3, "capture_level": "metadata"})
        self.assertEqual(len(said), 4)

    def test_losses_are_summed(self) -> None:
        """Over all reasons; one is one."""
        self.assertEqual(notices({"dropped": {"disk": 1}}), ["1 record could not be kept since the start."])
        self.assertIn("3 records", notices({"dropped": {"disk": 1, "memory": 2}})[0])

    def test_the_gravest_first(self) -> None:
        """Capture that is down, then what was lost, then redaction; nothing recorded is said by itself."""
        said = notices({"redact": False, "store": "degraded", "dropped": 1})
        self.assertEqual([each.split()[0] for each in said], ["Capture", "1", "Redaction"])
        self.assertIn("Nothing is recorded", notices({"capture_level": "off"})[0])
