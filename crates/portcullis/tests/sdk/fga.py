"""The official Python SDK of OpenFGA against this server."""

import asyncio
import os

from openfga_sdk import (
    ClientConfiguration,
    CreateStoreRequest,
    FgaObject,
    Metadata,
    ObjectRelation,
    OpenFgaClient,
    RelationMetadata,
    RelationReference,
    TypeDefinition,
    Userset,
    Usersets,
    UserTypeFilter,
    WriteAuthorizationModelRequest,
)
from openfga_sdk.client.models import (
    ClientAssertion,
    ClientBatchCheckItem,
    ClientBatchCheckRequest,
    ClientCheckRequest,
    ClientExpandRequest,
    ClientListObjectsRequest,
    ClientReadChangesRequest,
    ClientTuple,
    ClientWriteRequest,
)
from openfga_sdk.client.models.list_users_request import ClientListUsersRequest
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import ValidationException
from openfga_sdk.models.read_request_tuple_key import ReadRequestTupleKey


def configuration(store=None):
    credentials = Credentials(
        method="api_token", configuration=CredentialConfiguration(api_token=os.environ["FGA_API_TOKEN"])
    )
    return ClientConfiguration(api_url=os.environ["FGA_API_URL"], store_id=store, credentials=credentials)


MODEL = WriteAuthorizationModelRequest(
    schema_version="1.1",
    type_definitions=[
        TypeDefinition(type="user"),
        TypeDefinition(
            type="document",
            relations={
                "owner": Userset(this={}),
                "viewer": Userset(
                    union=Usersets(
                        child=[Userset(this={}), Userset(computed_userset=ObjectRelation(relation="owner"))]
                    )
                ),
            },
            metadata=Metadata(
                relations={
                    "owner": RelationMetadata(directly_related_user_types=[RelationReference(type="user")]),
                    "viewer": RelationMetadata(directly_related_user_types=[RelationReference(type="user")]),
                }
            ),
        ),
    ],
)


async def main():
    async with OpenFgaClient(configuration()) as outside:
        store = (await outside.create_store(CreateStoreRequest(name="python"))).id
    print("ok a store is made")
    async with OpenFgaClient(configuration(store)) as client:
        assert (await client.get_store()).name == "python"
        print("ok the store is read")
        model = (await client.write_authorization_model(MODEL)).authorization_model_id
        latest = await client.read_latest_authorization_model()
        assert latest.authorization_model.id == model
        print("ok a model is written and read")
        await client.write(
            ClientWriteRequest(
                writes=[
                    ClientTuple(user="user:anne", relation="owner", object="document:1"),
                    ClientTuple(user="user:bob", relation="viewer", object="document:1"),
                ]
            )
        )
        print("ok tuples are written")

        async def check(user, relation, contextual=None):
            asked = ClientCheckRequest(
                user=user, relation=relation, object="document:1", contextual_tuples=contextual
            )
            return (await client.check(asked)).allowed

        assert await check("user:anne", "viewer")
        assert not await check("user:bob", "owner")
        eve = [ClientTuple(user="user:eve", relation="owner", object="document:1")]
        assert await check("user:eve", "viewer", eve)
        print("ok questions are answered")
        items = [
            ClientBatchCheckItem(user="user:anne", relation="owner", object="document:1", correlation_id="a"),
            ClientBatchCheckItem(user="user:bob", relation="owner", object="document:1", correlation_id="b"),
        ]
        batch = await client.batch_check(ClientBatchCheckRequest(checks=items))
        assert {one.correlation_id: one.allowed for one in batch.result} == {"a": True, "b": False}
        print("ok a batch is answered")
        asked = ClientListObjectsRequest(user="user:anne", relation="viewer", type="document")
        assert (await client.list_objects(asked)).objects == ["document:1"]
        print("ok objects are listed")
        users = await client.list_users(
            ClientListUsersRequest(
                object=FgaObject(type="document", id="1"),
                relation="viewer",
                user_filters=[UserTypeFilter(type="user")],
            )
        )
        assert sorted(user.object.id for user in users.users) == ["anne", "bob"]
        print("ok users are listed")
        tree = (await client.expand(ClientExpandRequest(relation="viewer", object="document:1"))).tree
        assert len(tree.root.union.nodes) == 2
        print("ok a relation is expanded")
        await client.write(
            ClientWriteRequest(deletes=[ClientTuple(user="user:bob", relation="viewer", object="document:1")])
        )
        assert not await check("user:bob", "viewer")
        read = await client.read(ReadRequestTupleKey(object="document:1"), {"page_size": 10})
        assert [tuple.key.user for tuple in read.tuples] == ["user:anne"]
        changes = await client.read_changes(ClientReadChangesRequest("document"))
        assert [str(change.operation) for change in changes.changes].count("TUPLE_OPERATION_DELETE") == 1
        print("ok tuples are deleted, changes and tuples read")
        try:
            await check("user:anne", "friend")
        except ValidationException as error:
            assert error.status == 400
            print("ok what the model does not know is an error")
        assertion = ClientAssertion(user="user:bob", relation="owner", object="document:1", expectation=False)
        await client.write_assertions([assertion], {"authorization_model_id": model})
        kept = await client.read_assertions({"authorization_model_id": model})
        assert len(kept.assertions) == 1
        await client.delete_store()
        print("ok assertions are kept; the store is deleted")


asyncio.run(main())
