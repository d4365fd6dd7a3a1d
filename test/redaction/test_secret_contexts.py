"""Words are secret where nothing but a secret can stand, and nowhere else."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.redactor import Redactor

#: Where somebody's password stands, be it a word.
GIVEN = (
    *("DB_PASSWORD={}", "export PGPASSWORD={}", "     3\u2192MYSQL_ROOT_PASSWORD={}", "+SESSION_SECRET='{}'"),
    *("db.password={}", "spring.datasource.password={}\n", "smtp_password={}", "      DB_PASSWORD: {}"),
    *('{{"env": {{"POSTGRES_PASSWORD": "{}"}}}}', "mysqldump --password={} db", "mysql -uroot -p{}"),
    *("sshpass -p {} ssh host", "host=db user=bob password={} sslmode=off", "Server=db;Uid=sa;Pwd={};"),
    *(
        "Pwd={};Server=db;Uid=sa;",
        "create user bob identified by '{}'",
        "echo {} | sudo -S ls",
        "<password>{}</password>",
    ),
)
#: Where a word is a label, a type, a name.
SAID = (
    *(
        "password: {}",
        '"password": "{}"',
        "enter the password {} here",
        '{{"FORGOT_PASSWORD": "{}"}}',
        "--password {}",
    ),
    *("login(password={})", "secret = {}", "function(password: {})"),
)
WORDS = ("swordfish", "Swordfish", "letmein", "correct-horse-battery", "thunderbolt")
#: What says itself that it is none.
PLACEHOLDERS = ("changeme", "yourpassword", "mysecretpassword", "example", "required", "the-password", "prompt")


class GivenTests(SynchronousTestCase):
    """The places, and the words in them."""

    def clean(self, text: str) -> str:
        return Redactor().text(text)

    def test_words_in_their_places(self) -> None:
        """A word that somebody chose for a password goes."""
        for form in GIVEN:
            for word in WORDS:
                self.assertNotIn(word, self.clean(form.format(word)), form)

    def test_words_elsewhere(self) -> None:
        """The same words stay where they say something else."""
        for form in SAID:
            for word in WORDS:
                self.assertEqual(self.clean(form.format(word)), form.format(word))

    def test_placeholders(self) -> None:
        """What stands for a password stays also in its place."""
        for form in GIVEN:
            for word in PLACEHOLDERS:
                self.assertEqual(self.clean(form.format(word)), form.format(word))
