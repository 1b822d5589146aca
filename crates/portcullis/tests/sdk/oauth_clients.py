"""Stock OAuth and JOSE libraries, unmodified, against a running server: authlib gets tokens, joserfc and PyJWT verify them
with what is published.

Reads PORTCULLIS_URL, PORTCULLIS_API_KEY (an agent's), PORTCULLIS_AGENT, PORTCULLIS_TENANT, PORTCULLIS_SUBJECT_TOKEN and
PORTCULLIS_PERSON. Prints one line per check and fails on the first that does not hold.
"""

import os

import jwt
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt as jose
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

URL = os.environ["PORTCULLIS_URL"]
AGENT, SECRET = os.environ["PORTCULLIS_AGENT"], os.environ["PORTCULLIS_API_KEY"]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def check(name, holds):
    assert holds, name
    print(f"ok {name}")


def fails(kind, work):
    try:
        work()
    except kind as error:
        return error
    return None


server = requests.get(f"{URL}/.well-known/oauth-authorization-server").json()
check("the issuer is where it was asked", server["issuer"] == URL)
check("both documents say the same", requests.get(f"{URL}/.well-known/openid-configuration").json() == server)


def session(method="client_secret_basic", secret=SECRET, **more):
    return OAuth2Session(
        AGENT,
        secret,
        token_endpoint=server["token_endpoint"],
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        **more,
    )


tokens = {}
for method in server["token_endpoint_auth_methods_supported"]:
    client = session(method)
    tokens[method] = client.fetch_token(server["token_endpoint"], grant_type="client_credentials")
    check(f"authlib gets a token with {method}", tokens[method]["token_type"] == "Bearer")
    who = client.get(f"{URL}/api/v1/whoami").json()
    check("and works with it", who["kind"] == "agent" and who["agent"] == AGENT)
    answer = client.post(
        f"{URL}/v1/chat/completions",
        json={"model": "loopback", "messages": [{"role": "user", "content": "hello"}]},
    )
    check("and calls a model", answer.status_code == 200)

error = fails(OAuthError, lambda: session(secret="pcl_test_wrong").fetch_token(grant_type="client_credentials"))
check("a wrong secret is an OAuth error", error is not None and error.error == "invalid_client")
error = fails(OAuthError, lambda: session().fetch_token(grant_type="password", username="a", password="b"))
check("an unknown grant is an OAuth error", error is not None and error.error == "unsupported_grant_type")

# joserfc, with the set of keys as it is published.
token = tokens["client_secret_basic"]["access_token"]
keys = KeySet.import_key_set(requests.get(server["jwks_uri"]).json())
claims = jose.JWTClaimsRegistry(
    iss={"essential": True, "value": URL}, aud={"essential": True, "value": URL}, exp={"essential": True}
)
read = jose.decode(token, keys, algorithms=["RS256"])
claims.validate(read.claims)
check("joserfc verifies it", read.header["typ"] == "at+jwt" and read.header["alg"] == "RS256")
check(
    "it names the client and the organization",
    read.claims["client_id"] == AGENT and read.claims["tenant_id"] == os.environ["PORTCULLIS_TENANT"],
)
head, body, mark = token.split(".")
bent = ".".join([head, body, mark[::-1]])
check("joserfc refuses a bent one", fails(JoseError, lambda: jose.decode(bent, keys, algorithms=["RS256"])))

# PyJWT, which finds the key by itself.
key = jwt.PyJWKClient(server["jwks_uri"]).get_signing_key_from_jwt(token)
read = jwt.decode(token, key, algorithms=["RS256"], audience=URL, issuer=URL)
check("PyJWT verifies it", read["sub"] == AGENT)
wrong = lambda: jwt.decode(token, key, algorithms=["RS256"], audience="https://other.example.com", issuer=URL)
check("PyJWT refuses it for another audience", fails(jwt.InvalidAudienceError, wrong))

# On behalf of a person (RFC 8693).
delegated = session().fetch_token(
    grant_type=EXCHANGE, subject_token=os.environ["PORTCULLIS_SUBJECT_TOKEN"], subject_token_type=ACCESS_TOKEN
)
read = jose.decode(delegated["access_token"], keys, algorithms=["RS256"]).claims
check(
    "an exchanged token names the person and the agent that acts",
    read["sub"] == os.environ["PORTCULLIS_PERSON"] and read["act"] == {"sub": AGENT},
)

# Asked about, and called back.
client = session(token=tokens["client_secret_basic"])
known = client.introspect_token(server["introspection_endpoint"], token=token).json()
check("authlib asks about it", known["active"] is True and "models:invoke" in known["scope"].split())
gone = client.revoke_token(server["revocation_endpoint"], token=token)
check("authlib calls it back", gone.status_code == 200)
known = client.introspect_token(server["introspection_endpoint"], token=token).json()
check("then it is no good", known == {"active": False})
