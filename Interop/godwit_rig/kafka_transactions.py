"""A producer of transactions whose epoch rises with each (KIP-890), on one connection.

No client in Python has it. This one sends what Kafka's own client sends: Produce 13 and
TxnOffsetCommit 5 without a word before, and EndTxn 5, whose answer says who the producer is next.
"""

from __future__ import annotations

import uuid

from godwit_rig.kafka_peer import KafkaWire, batch
from kafka.protocol.metadata import MetadataRequest, MetadataResponse
from kafka.protocol.producer import (
    EndTxnRequest,
    EndTxnResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
    ProduceRequest,
    ProduceResponse,
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)

TRANSACTIONAL = 0x10


class RisingProducer:
    """A transactional id, and who has it."""

    def __init__(self, wire: KafkaWire, name: str, timeout_ms: int = 60_000) -> None:
        self.wire = wire
        self.name = name
        self.timeout_ms = timeout_ms
        self.id = -1
        self.epoch = -1
        self.sequences: dict[tuple[str, int], int] = {}
        self.topics: dict[str, uuid.UUID] = {}

    @property
    def now(self) -> tuple[int, int]:
        return self.id, self.epoch

    def _become(self, producer: int, epoch: int) -> None:
        if (producer, epoch) != self.now:
            self.sequences = {}
        self.id, self.epoch = producer, epoch

    def begin(self, goes_on: bool = False) -> int:
        """InitProducerId: as a new one, or as who it was."""
        answer = self.wire.ask(
            InitProducerIdRequest(
                version=5, transactional_id=self.name, transaction_timeout_ms=self.timeout_ms,
                producer_id=self.id if goes_on else -1,
                producer_epoch=self.epoch if goes_on else -1,
            ),
            InitProducerIdResponse,
        )
        if answer.error_code == 0:
            self._become(answer.producer_id, answer.producer_epoch)
        return answer.error_code

    def _topic(self, name: str) -> uuid.UUID:
        if name not in self.topics:
            asked = MetadataRequest.MetadataRequestTopic
            answer = self.wire.ask(
                MetadataRequest(
                    version=12, allow_auto_topic_creation=False,
                    topics=[asked(version=12, name=name)],
                ),
                MetadataResponse,
            )
            self.topics[name] = answer.topics[0].topic_id
        return self.topics[name]

    def produce(
        self, topic: str, partition: int, values: list[bytes], version: int = 13,
        producer: tuple[int, int] | None = None,
    ) -> ProduceRequest:
        """A Produce request with one batch; its numbers count as used."""
        sequence = self.sequences.get((topic, partition), 0)
        self.sequences[topic, partition] = sequence + len(values)
        named = ProduceRequest.TopicProduceData
        names = {"topic_id": self._topic(topic)} if version >= 13 else {"name": topic}
        return ProduceRequest(
            version=version, transactional_id=self.name, acks=-1, timeout_ms=30_000,
            topic_data=[
                named(
                    version=version, **names,
                    partition_data=[
                        named.PartitionProduceData(
                            version=version, index=partition,
                            records=batch(
                                values, *(producer or self.now), sequence, TRANSACTIONAL
                            ),
                        )
                    ],
                )
            ],
        )

    def send(
        self, topic: str, partition: int, values: list[bytes], version: int = 13,
        producer: tuple[int, int] | None = None,
    ) -> int:
        """Sends a batch; the error's code."""
        request = self.produce(topic, partition, values, version, producer)
        answer = self.wire.ask(request, ProduceResponse)
        return answer.responses[0].partition_responses[0].error_code

    def send_together(self, requests: list[ProduceRequest]) -> list[int]:
        """Sends requests before any of them is answered; the errors' codes."""
        numbers = range(self.wire.number + 1, self.wire.number + 1 + len(requests))
        frames = b""
        for number, request in zip(numbers, requests, strict=True):
            request.with_header(correlation_id=number, client_id="wire")
            frames += request.encode(header=True, framed=True)
        self.wire.number += len(requests)
        self.wire.socket.sendall(frames)
        answers = [
            ProduceResponse.decode(self.wire.frame(), version=request.version, header=True)
            for request in requests
        ]
        return [each.responses[0].partition_responses[0].error_code for each in answers]

    def send_offset(
        self, group: str, topic: str, partition: int, offset: int, version: int = 5
    ) -> int:
        said = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
        answer = self.wire.ask(
            TxnOffsetCommitRequest(
                version=version, transactional_id=self.name, group_id=group,
                producer_id=self.id, producer_epoch=self.epoch, generation_id=-1, member_id="",
                group_instance_id=None,
                topics=[
                    said(
                        version=version, name=topic,
                        partitions=[
                            said.TxnOffsetCommitRequestPartition(
                                version=version, partition_index=partition,
                                committed_offset=offset, committed_leader_epoch=-1,
                                committed_metadata="",
                            )
                        ],
                    )
                ],
            ),
            TxnOffsetCommitResponse,
        )
        return answer.topics[0].partitions[0].error_code

    def end_request(self, commit: bool, producer: tuple[int, int] | None = None) -> EndTxnRequest:
        identity, epoch = producer or self.now
        return EndTxnRequest(
            version=5, transactional_id=self.name, producer_id=identity, producer_epoch=epoch,
            committed=commit,
        )

    def end(self, commit: bool, producer: tuple[int, int] | None = None) -> int:
        """EndTxn; who the producer is next is taken over."""
        answer = self.wire.ask(self.end_request(commit, producer), EndTxnResponse)
        if answer.error_code == 0:
            self._become(answer.producer_id, answer.producer_epoch)
        else:
            assert (answer.producer_id, answer.producer_epoch) == (-1, -1)
        return answer.error_code
