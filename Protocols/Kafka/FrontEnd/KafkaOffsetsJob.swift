import GodwitEngine
import KafkaWire
import NIOCore

/// A ListOffsets request that is being answered, one partition after the other: where a time is
/// looked for, batches may have to be opened, on the partition's event loop.
final class KafkaOffsetsJob {
  /// Finds a partition, if the client may see it.
  typealias Find = (_ topic: String, _ index: Int32) -> Result<KafkaPartition, KafkaRefusal>

  private let request: KafkaListOffsets.Request
  private let call: KafkaCall
  private let engine: Engine
  private let find: Find
  private var response = KafkaListOffsets.Response()
  private var topic = 0
  private var index = 0
  /// How many bytes were opened.
  private var opened = 0

  /// - Parameter find: is called while the client is there.
  init(
    _ request: KafkaListOffsets.Request, _ call: KafkaCall, _ engine: Engine, find: @escaping Find
  ) {
    self.request = request
    self.call = call
    self.engine = engine
    self.find = find
    response.topics = request.topics.map { said in
      var topic = KafkaListOffsets.Response.Topic()
      topic.name = said.name
      return topic
    }
  }

  /// Begins.
  func goOn() {
    var isHere = true
    while isHere, call.session != nil, topic < request.topics.count {
      let said = request.topics[topic]
      guard index < said.partitions.count else {
        topic += 1
        index = 0
        continue
      }
      let wanted = said.partitions[index]
      index += 1
      // What is found at once is gone on with here, so that many do not pile up.
      var isOver = false
      isHere = false
      list(wanted, of: said.name) { [self] answer in
        response.topics[topic].partitions.append(answer)
        if isOver { goOn() } else { isHere = true }
      }
      isOver = true
    }
    if isHere, topic == request.topics.count { call.answer(KafkaListOffsets.self, response) }
  }

  private func list(
    _ said: KafkaListOffsets.Request.Partition, of topic: String,
    _ done: @escaping (KafkaListOffsets.Response.Partition) -> Void
  ) {
    var answer = KafkaListOffsets.Response.Partition()
    answer.partitionIndex = said.partitionIndex
    switch find(topic, said.partitionIndex) {
    case .failure(let refusal):
      answer.error = refusal.code
      done(answer)
    case .success(let found):
      let end =
        request.isolationLevel == 1 ? found.lastStableOffset : found.partition.committedOffset
      list(said.timestamp, of: found.partition, end, answer, done)
    }
  }

  private func list(
    _ timestamp: Int64, of partition: Partition, _ end: UInt64,
    _ answer: KafkaListOffsets.Response.Partition,
    _ done: @escaping (KafkaListOffsets.Response.Partition) -> Void
  ) {
    var answer = answer
    // The client asks for the rest again.
    guard opened < KafkaLogReading.openedPerRequestMax else {
      answer.error = .requestTimedOut
      return done(answer)
    }
    answer.leaderEpoch = partition.leaderEpoch
    let finish = { [self] (found: KafkaFoundOffset?, size: Int) in
      opened += size
      if let found, timestamp < 0 || found.offset < end {
        answer.offset = Int64(clamping: found.offset)
        answer.timestamp = found.timestamp
      }
      done(answer)
    }
    switch timestamp {
    case -1: answer.offset = Int64(clamping: end)
    // Where it begins, and where it does on this machine's disk, which is the same.
    case -2, -4: answer.offset = Int64(clamping: partition.startOffset)
    case -3: return KafkaLogReading.latest(of: partition, engine, finish)
    case 0...: return KafkaLogReading.offset(of: partition, notBefore: timestamp, engine, finish)
    // What lies elsewhere: nothing does.
    case -5: answer.offset = -1
    default: answer.error = .unsupportedVersion
    }
    done(answer)
  }
}
