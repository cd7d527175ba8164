"""What is another in the notes of users once migrations make their tables."""

from fastapi_crud import Base, Database

# --8<-- [start:database]
db = Database(metadata=Base.metadata)
# --8<-- [end:database]
