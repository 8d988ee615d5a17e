public import NIOCore

/// The end of a transaction, as the one record of a control batch.
public struct KafkaControlRecord: Hashable, Sendable {
  /// Whether the transaction was committed, not aborted.
  public var isCommit: Bool
  /// The epoch of the coordinator that ended it.
  public var coordinatorEpoch: Int32

  /// The end of a transaction.
  public init(isCommit: Bool, coordinatorEpoch: Int32) {
    self.isCommit = isCommit
    self.coordinatorEpoch = coordinatorEpoch
  }

  /// What a record of a control batch says, `nil` if it is no end of a transaction.
  public init?(_ record: KafkaRecord) {
    guard var key = record.key, var value = record.value,
      let keyVersion = key.readInteger(as: Int16.self), keyVersion >= 0,
      let type = key.readInteger(as: Int16.self), type == 0 || type == 1,
      let valueVersion = value.readInteger(as: Int16.self), valueVersion >= 0,
      let epoch = value.readInteger(as: Int32.self)
    else { return nil }
    self.init(isCommit: type == 1, coordinatorEpoch: epoch)
  }

  /// The batch that ends a producer's transaction.
  ///
  /// - Parameters:
  ///   - producerID: the producer.
  ///   - producerEpoch: its epoch.
  ///   - timestamp: milliseconds since 1970.
  public func batch(
    producerID: Int64, producerEpoch: Int16, timestamp: Int64
  ) throws(KafkaBatchError) -> ByteBuffer {
    var builder = KafkaBatchBuilder()
    builder.producerID = producerID
    builder.producerEpoch = producerEpoch
    builder.attributes.isTransactional = true
    builder.attributes.isControl = true
    var key = ByteBuffer()
    key.writeMultipleIntegers(Int16(0), Int16(isCommit ? 1 : 0))
    var value = ByteBuffer()
    value.writeMultipleIntegers(Int16(0), coordinatorEpoch)
    try builder.append(KafkaRecord(timestamp: timestamp, key: key, value: value))
    return try builder.finish()
  }
}
