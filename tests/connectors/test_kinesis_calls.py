"""Calls to Kinesis: what is tried again, how long, and the sentence for what a person must mend."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from urllib3.exceptions import ProtocolError

from connectors.kinesis_calls import FIRST_ATTEMPTS, Caller, as_sentence, is_passing, outcome_of

ENDPOINT = "https://kinesis.eu-west-1.amazonaws.com"
OPERATIONS = [  # every call that reading needs: a missing permission must be named by its action
    *("ListStreams", "DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"),
    *("ListTagsForStream", "RegisterStreamConsumer", "DescribeStreamConsumer", "SubscribeToShard"),
]
