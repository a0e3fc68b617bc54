"""The exceptions of a boto3 call without a usable answer.

`ResponseParserError` is none of botocore's own family: it is raised if a service answers with a web page, as
moto does if one of its calls fails.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

NO_ANSWER = (ClientError, BotoCoreError, ResponseParserError, OSError)
