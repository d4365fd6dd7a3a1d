"""How passwords and keys are written beside their names, by people and by programs; ``@`` stands for the value."""

import json
from collections.abc import Iterator

#: With what people choose as passwords.
PASSWORDS = r"""
say hello, password=@
please log in with password=@ and then continue
connect with user=admin, password=@, port=80
log in with password: @ please
The login is admin and the password=@.
(password=@)
run with `password=@` set
so password = @ works
user:bob password:@
Admin Password : @
Password (admin): @
**Password:** @
- **Password**: `@`
| `password` | `@` |
the password is @
the password is "@".
The db pw is @ btw
The password for the admin account is @
use the password @ to log in
password was changed to @
A temporary password is generated for root@localhost: @
Incorrect password provided: @
Das Passwort lautet @
mot de passe : @
la contraseña es @
密码：@
密码是 @
пароль: @
user: bob pass: @
pwd=@
pgpass.conf: db.example.com:5432:mydb:bob:@
*:*:*:bob:@
machine api.example.com login bob password @
machine api.example.com password @
./run --password=@ --x
./run --password '@' --x
mysql -u root -p@ db
mysql -u root -p'@' db
docker login -u bob -p @ registry.example.com
helm registry login -u bob -p @ reg.example.com
az login --service-principal -u app -p @ --tenant t
echo @ | docker login -u bob --password-stdin
echo '@' | sudo -S apt update
echo 'root:@' | chpasswd
sshpass -p '@' ssh root@host
PGPASSWORD=@ psql -h db
curl -sSu bob:@ https://x.example.com
smbclient //srv/x -U bob%@
ldapsearch -D cn=admin -w @ -b dc=x
7z x -p@ a.7z
unzip -P @ a.zip
rabbitmqctl add_user bob @
net user bob @ /add
requirepass @
redis-cli -h r -a @ ping
set -gx DB_PASSWORD @
setx DB_PASSWORD @
ENV DB_PASSWORD @
#define DB_PASSWORD "@"
gh secret set DB_PASSWORD --body @
kubectl create secret generic s --from-literal=password=@
terraform apply -var 'db_password=@'
variable "db_password" { type = string default = "@" }
docker run -e 'POSTGRES_PASSWORD=@' postgres
docker build --build-arg DB_PASSWORD=@ .
Server=tcp:db.example.com,1433;Database=app;User ID=sa;Password=@;Encrypt=True;
DRIVER={ODBC};SERVER=db;UID=sa;PWD={@}
jdbc:mysql://db:3306/app?user=bob&password=@&useSSL=false
jdbc:oracle:thin:bob/@@db:1521/xe
sqlplus bob/@@db
redis://:@@redis:6379/0
host=db user=bob password=@ dbname=app
CREATE USER bob WITH PASSWORD '@';
ALTER USER 'bob'@'%' IDENTIFIED WITH mysql_native_password BY '@';
SET PASSWORD FOR 'bob'@'localhost' = PASSWORD('@');
CREATE LOGIN bob WITH PASSWORD = N'@';
ds.setPassword("@");
cy.get('#password').type('@')
new NetworkCredential("bob", "@")
requests.get(url, auth=("bob", "@"))
DriverManager.getConnection("jdbc:mysql://db/x", "bob", "@")
ConvertTo-SecureString "@" -AsPlainText -Force
const p = process.env.DB_PASSWORD || '@'
os.getenv("DB_PASSWORD", "@")
${DB_PASSWORD:-@}
{Host:db Password:@ Port:5}
User{name=bob, password=@}
<db user="bob" password="@"/>
<add key="DbPassword" value="@" />
"user": "bob", "pass": "@"
config/db.yml:12:  password: @
 12 | password = @
WIFI:S:home;T:WPA;P:@;;
GET /login?user=bob&pwd=@ HTTP/1.1
%7B%22password%22%3A%22@%22%7D
user\u003dbob\u0026password\u003d@
password&#61;@
"""
#: With what programs make.
KEYS = r"""
say hello, api_key=@
my API key is @
the token is @, use it
use token @
Incorrect API key provided: @. You can find your API key at
401 Unauthorized: invalid api key '@'
**API Key:** `@`
client secret is @
aws configure set aws_secret_access_key @
X-Api-Key: @
curl -H "X-Api-Key:@" https://x
curl -H "Authorization: token @" https://x
Cookie: a=b; sessionid=@; theme=dark
Set-Cookie: session=@; HttpOnly; Path=/
"value": "@", "name": "X-Api-Key"
const k = process.env.API_KEY || '@'
<key>API_KEY</key> <string>@</string>
https://x.com/cb#access_token=@&token_type=bearer
OTEL_EXPORTER_OTLP_HEADERS=api-key=@
signingPassword "@"
"""
#: Over several lines, where the name stands on one and the value on the next.
LINES = (
    "machine api.example.com\n  login bob\n  password @\n",
    "     1→machine api.example.com\n     2→  login bob\n     3→  password @\n",
    "Password:\n@\n",
    "My password:\n\n```\n@\n```\n",
    "user,password\nbob,@\n",
    "\x1b[32mpassword\x1b[0m=\x1b[31m@\x1b[0m",
    "\x1b[35mdb.yml\x1b[m\x1b[36m:\x1b[m\x1b[32m12\x1b[m\x1b[36m:\x1b[m  \x1b[1;31mpassword\x1b[m: @",
)


def spelled(value: str, lines: str) -> Iterator[str]:
    """Yield the texts of a table with a value."""
    for line in lines.strip().splitlines():
        marks = line.count("@") - 1
        place = {"root@localhost": 1, "root@host": 0, "'bob'@'": 1}
        skipped = next((number for sign, number in place.items() if sign in line), 0) if marks else 0
        parts = line.split("@")
        yield "@".join(parts[: skipped + 1]) + value + "@".join(parts[skipped + 1 :])


def nested(text: str, depth: int) -> str:
    """Return a text as it stands in JSON in JSON, so many times."""
    for _ in range(depth):
        text = json.dumps({"command": text})
    return text


#: What is said about passwords and keys where there are none.
HARMLESS = """
the password is required and must be at least 8 characters
The password is 12-64 characters long, with 1 digit and 1 symbol
the password is sha256-hashed, the token is base64url-encoded
password policy v2.3.1 applies to user1 and user2
def login(user, password=None): return check(user, password=password2)
connect(host=host1, password=password1, port=5432)
let password: Password2 = input.value
password VARCHAR(255) NOT NULL, token CHAR(64)
use token 2 of 10; token count is 1234567; the token is invalid since 2024-01-01
pass step1Value to the function, all 12 tests pass in 3.4s
pass: 12 tests, fail: 0
IsFirstPass 615c19d9e03d4be2049c10db0151edbc3b229246
Password reset requested for bob@example.com at 10:15:32
Your password expires in 90days; see RFC6749 and oauth2_token
api key id is key_1, see https://example.com/docs/api-key-v2
the secret is stored in AWS as prod/db1/password1
password: [masked], token: ***, api_key: <redacted:api-key:1a2b>
mysql -u root -p mydb1 && psql -p 5432 && ssh -p 2222 host1
docker run -p 8080:80 nginx1; zip -r out2.zip dir1
echo test1 | grep test2
AUTH 2fa step2 of login
"""
