"""The labs' SIP codec and digest: what phones say and understand."""

import unittest

from lab import digest
from lab.sip import message_read, name_address_read, response_write, split_outside, uri_read, via_read

INVITE = b"\r\n".join([
    b"INVITE sip:bob@192.0.2.4:5070;ob SIP/2.0", b"v: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport, SIP/2.0/TCP x;branch=z9hG4bKb",
    b'Record-Route: <sip:a@one;lr>,', b' "Two, of two" <sip:b@two;lr>', b"f: Alice <sip:alice@a.test>;tag=1", b"t: <sip:bob@b.test>",
    b"i: c1", b"CSeq: 7 INVITE", b"l: 4", b"", b"body"])


class Codec(unittest.TestCase):
    def test_reads_compact_names_folded_lines_and_lists(self):
        message = message_read(INVITE)
        self.assertEqual(message.call_id, "c1")
        self.assertEqual(message.cseq, (7, "INVITE"))
        self.assertEqual(message.sender.tag, "1")
        self.assertEqual(len(message.all("Via")), 2)
        self.assertEqual(message.all("Record-Route"), ["<sip:a@one;lr>", '"Two, of two" <sip:b@two;lr>'])
        self.assertEqual(message.body, b"body")

    def test_a_message_reads_back_as_it_was_written(self):
        message = message_read(INVITE)
        self.assertEqual(message_read(message.encode()).headers, [*message.headers[:-1], ("Content-Length", "4")])

    def test_commas_and_semicolons_in_quotes_and_brackets_do_not_split(self):
        self.assertEqual(split_outside('a,"b,c",<d,e>', ","), ["a", '"b,c"', "<d,e>"])
        self.assertEqual(name_address_read('"x <y>" <sip:z@h;p=1>;tag=2').uri.user, "z")
        self.assertEqual(name_address_read('"x <y>" <sip:z@h;p=1>;tag=2').tag, "2")

    def test_a_uri_reads_back_as_it_was_written(self):
        for text in ("sip:a@b:5070;lr;x=1", "sip:h", "sips:u@[2001:db8::1]:5061;ob"):
            self.assertEqual(str(uri_read(text)), text)

    def test_what_is_no_uri_is_refused(self):
        for text in ("", "tel:1", "sip:", "sip:@"):
            self.assertRaises(ValueError, uri_read, text)

    def test_a_message_without_blank_line_is_refused(self):
        self.assertRaises(ValueError, message_read, INVITE[:100])

    def test_a_response_fills_in_rport_and_received_and_keeps_the_order_of_vias(self):
        response = response_write(message_read(INVITE), 200, "OK", ("203.0.113.9", 4000), "t9")
        top = via_read(response.all("Via")[0])
        self.assertEqual((top.parameters["rport"], top.parameters["received"]), ("4000", "203.0.113.9"))
        self.assertEqual(via_read(response.all("Via")[1]).branch, "z9hG4bKb")
        self.assertEqual(response.recipient.tag, "t9")
        self.assertEqual(len(response.all("Record-Route")), 2)


class Digest(unittest.TestCase):
    CHALLENGES = ['Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="n", opaque="o"',
                  'Digest realm="r", algorithm=MD5, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"']

    def test_the_challenge_of_the_wanted_algorithm_is_chosen(self):
        self.assertEqual(digest.challenge_choose(self.CHALLENGES, "SHA-256")["nonce"], "n")
        self.assertEqual(digest.challenge_choose(self.CHALLENGES, "MD5")["realm"], "r")
        self.assertIsNone(digest.challenge_choose(self.CHALLENGES[:1], "MD5"))

    def test_answers_are_those_of_rfc_7616_section_3_9_1(self):
        challenge = {"realm": "http-auth@example.org", "qop": "auth", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"}
        cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        for algorithm, response in (("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
                                    ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")):
            answer = digest.answer_write(challenge | {"algorithm": algorithm}, "GET", "/dir/index.html", "Mufasa",
                                         "Circle of Life", cnonce)
            self.assertIn(f'response="{response}"', answer)

    def test_the_answer_without_qop_is_that_of_rfc_2069(self):
        challenge = {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
        answer = digest.answer_write(challenge, "GET", "/dir/index.html", "Mufasa", "CircleOfLife")
        self.assertIn('response="1949323746fe6a43ef61f9606e7febea"', answer)


if __name__ == "__main__":
    unittest.main()
