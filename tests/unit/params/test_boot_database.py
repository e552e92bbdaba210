"""The database's URL: what is taken, and that the line about a wrong one does not show the password in it."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from vosswitch.params.boot import BadSetting, read

START = "mysql+pymysql://"


@pytest.mark.parametrize(
    "rest",
    [
        "u:p@h/n",
        "root@127.0.0.1:3307/n",
        "u:p%40q/r:s@db.example:3306/n?charset=utf8mb4",
        "u:p@[::1]:3306/n",
        "h/n",
        "u@/n?unix_socket=/run/mysqld/mysqld.sock",
    ],
)
def test_what_is_taken_can_be_used(rest):
    url = read({"database": {"url": START + rest}}, "/etc/v.toml").database_url
    assert make_url(url).database == "n"


@pytest.mark.parametrize(
    "rest",
    [
        "u:Secret@h:abc/n",
        "u:Secret@[::1/n",
        "u:Secret@h",
        "u:Secret@h/",
        "u:Secret@more@h/n",
        "u:Secret/x/n",
        "u:Secret @h/n",
        "u:Secret@h:123456/n",
        "u:Secret@h/n/m",
    ],
)
def test_what_cannot_be_used_is_one_line_without_the_password(rest):
    with pytest.raises(BadSetting) as error:
        read({"database": {"url": START + rest}}, "/etc/v.toml")
    assert str(error.value).startswith("/etc/v.toml: [database] url: expected ")
    assert "Secret" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1
