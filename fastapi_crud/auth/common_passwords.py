"""The commonest passwords of 8 characters or more, as breaches keep showing them."""

COMMON = frozenset(
    """
    00000000 01234567 0123456789 0987654321 11111111 1111111111 11223344 12121212 123123123
    12341234 12344321 1234567a 12345678 123456789 1234567890 123456789a 1234qwer 123qweasd
    147258369 1password 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 22222222 55555555 66666666 77777777
    789456123 87654321 88888888 963852741 987654321 99999999 a1234567 a12345678 aa123456
    aa12345678 abc12345 abcd1234 abcdefgh administrator admin123 asdf1234 asdfasdf asdfghjk
    asdfghjkl baseball changeme charlie1 computer corvette default1 dragon123 football
    football1 iloveyou iloveyou1 internet jennifer letmein1 liverpool lovelove master123
    michelle monkey123 p@ssw0rd p@ssword pa55word passw0rd password password! password1
    password12 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qq123456 qwer1234 qwerty12
    qwerty123 qwertyui qwertyuiop starwars startrek sunshine superman trustno1 welcome1
    welcome123 whatever zaq12wsx zxcvbnm1 zxcvbnm123
    """.split()  # noqa: SIM905 - a hundred lines otherwise
)
"""Casefolded."""
