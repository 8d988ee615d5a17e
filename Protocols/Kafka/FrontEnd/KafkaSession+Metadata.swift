import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

extension KafkaSession {
  /// Where clients are told to connect to.
  var advertised: (host: String, port: Int32) {
    let values = server.values
    let local = connection.localAddress
    return (
      values.advertisedHost.isEmpty ? local?.host ?? "127.0.0.1" : values.advertisedHost,
      Int32(clamping: values.advertisedPort == 0 ? local?.port ?? 9092 : values.advertisedPort)
    )
  }

  // MARK: Metadata

  /// Metadata: this broker, and topics; those that are not there may be made.
  func metadata(_ request: KafkaMetadata.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    let tally = KafkaTally(KafkaMetadata.Response()) { call.answer(KafkaMetadata.self, $0) }
    defer { tally.end() }
    let (host, port) = advertised
    tally.response.brokers = [
      .with {
        $0.nodeID = server.values.nodeID
        $0.host = host
        $0.port = port
      }
    ]
    tally.response.clusterID = server.values.clusterID
    tally.response.controllerID = server.values.nodeID
    if request.includeClusterAuthorizedOperations {
      tally.response.clusterAuthorizedOperations = clusterOperations
    }
    var madeCount = 0
    let wantsAll =
      request.topics == nil || (call.header.version == 0 && request.topics?.isEmpty == true)
    if wantsAll {
      tally.response.topics = tenant.allTopics
        .filter { may(.describe, $0.canonical) }
        .map { describe($0, request) }
    } else {
      var seen: Set<String> = []
      for said in request.topics ?? [] {
        if let name = said.name {
          guard seen.insert(name).inserted else { continue }
          find(name, request, call, tenant, tally, &madeCount)
        } else if let topic = tenant.topic(said.topicID),
          may(.describe, topic.canonical)
        {
          tally.response.topics.append(describe(topic, request))
        } else {
          tally.response.topics.append(
            .with {
              $0.error = .unknownTopicID
              $0.topicID = said.topicID
            })
        }
      }
    }
  }

  /// How many topics one request makes by asking for them.
  private static var madeMax: Int { 100 }

  private func find(
    _ name: String, _ request: KafkaMetadata.Request, _ call: KafkaCall, _ tenant: KafkaTenant,
    _ tally: KafkaTally<KafkaMetadata.Response>, _ madeCount: inout Int
  ) {
    let place = tally.response.topics.count
    tally.response.topics.append(.with { $0.name = name })
    func failed(_ code: KafkaErrorCode) { tally.response.topics[place].error = code }
    guard KafkaTopicCodec.canonical(Array(name.utf8)) != nil else {
      return failed(.invalidTopic)
    }
    guard may(.describe, topicNamed: name) else {
      return failed(.topicAuthorizationFailed)
    }
    if let topic = tenant.topic(name) {
      tally.response.topics[place] = describe(topic, request)
      return
    }
    guard request.allowAutoTopicCreation, server.values.createsTopics else {
      return failed(.unknownTopicOrPartition)
    }
    guard mayCreate(name) else { return failed(.topicAuthorizationFailed) }
    // The rest when it asks again, so that one request does not hold up everybody.
    guard madeCount < Self.madeMax else { return failed(.leaderNotAvailable) }
    if let refusal = tenant.refusal(creating: name) { return failed(refusal.code) }
    // Of no version is a client made to wait for its other topics: it asks again.
    guard charge(.mutations, server.values.partitions, call, .unlessBeyond) == 0 else {
      return failed(.leaderNotAvailable)
    }
    madeCount += 1
    tally.begin()
    tenant.create(name) { refusal in
      if let refusal {
        failed(refusal.code)
      } else if let topic = tenant.topic(name) {
        tally.response.topics[place] = self.describe(topic, request)
      } else {
        failed(.unknownTopicOrPartition)
      }
      tally.end()
    }
  }

  private func describe(
    _ topic: KafkaTopic, _ request: KafkaMetadata.Request
  ) -> KafkaMetadata.Response.Topic {
    let node = server.values.nodeID
    return .with { answer in
      answer.name = topic.name
      answer.topicID = topic.id
      answer.partitions = topic.partitions.map { partition in
        .with {
          $0.partitionIndex = partition.index
          $0.leaderID = node
          $0.leaderEpoch = partition.partition.leaderEpoch
          $0.replicaNodes = [node]
          $0.isrNodes = [node]
        }
      }
      if request.includeTopicAuthorizedOperations {
        answer.topicAuthorizedOperations = operations(on: topic.canonical)
      }
    }
  }

  // MARK: DescribeCluster

  /// DescribeCluster: this broker again.
  func describeCluster(_ request: KafkaDescribeCluster.Request, _ call: KafkaCall) {
    let (host, port) = advertised
    call.answer(
      KafkaDescribeCluster.self,
      .with { response in
        guard request.endpointType == 1 else {
          response.error =
            request.endpointType == 2
            ? .mismatchedEndpointType : .unsupportedEndpointType
          response.errorMessage = "this is a broker"
          return
        }
        response.clusterID = server.values.clusterID
        response.controllerID = server.values.nodeID
        response.brokers = [
          .with {
            $0.brokerID = server.values.nodeID
            $0.host = host
            $0.port = port
          }
        ]
        if request.includeClusterAuthorizedOperations {
          response.clusterAuthorizedOperations = clusterOperations
        }
      })
  }
}
