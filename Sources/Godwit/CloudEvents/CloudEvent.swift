#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// An event of CloudEvents 1.0: what happened, where, and its data.
///
/// A topic of events is published to and subscribed to like any other. Its content type chooses
/// the mode: `CloudEventFormat.json` is structured mode, everything in one JSON body; any other is
/// binary mode, the data as the body in that content type and the attributes as headers, as the
/// broker's binding has them (`Capabilities.cloudEvents`). Both are read from either.
///
/// ```swift
/// let created = Topic<CloudEvent<Order>>("orders.created")
/// try await broker.publish(
///   CloudEvent(source: "/shop", type: "org.example.order.created", data: order), to: created)
/// ```
public struct CloudEvent<Payload: Sendable>: Sendable {
  /// Identifies the event among those of its source. Default: 22 random letters and digits.
  public var id: String
  /// Where it happened: a URI reference.
  public var source: String
  /// What kind of event it is, with the reversed name of a domain in front.
  public var type: String
  /// What of the source it is about.
  public var subject: String?
  /// When it happened. Written to the microsecond. Default: now.
  public var time: Date?
  /// The media type of the data; `nil`, the default, means the topic's when it is published.
  public var dataContentType: String?
  /// The schema of the data: a URI.
  public var dataSchema: String?
  /// Extension attributes by name: lower-case letters and digits, best no more than 20.
  public var extensions: [String: CloudEventAttribute]
  /// The data, if any.
  public var data: Payload?

  /// An event.
  public init(
    id: String = Message.makeID(), source: String, type: String, subject: String? = nil,
    time: Date? = Date(), dataContentType: String? = nil, dataSchema: String? = nil,
    extensions: [String: CloudEventAttribute] = [:], data: Payload?
  ) {
    self.id = id
    self.source = source
    self.type = type
    self.subject = subject
    self.time = time
    self.dataContentType = dataContentType
    self.dataSchema = dataSchema
    self.extensions = extensions
    self.data = data
  }
}

extension CloudEvent: Equatable where Payload: Equatable {}
extension CloudEvent: Hashable where Payload: Hashable {}

/// The media types of CloudEvents' own formats.
public enum CloudEventFormat {
  /// `application/cloudevents+json`: an event as one JSON document.
  public static let json = "application/cloudevents+json"
}

/// How a broker's protocol carries events in binary mode. A driver declares it.
public struct CloudEventBinding: Hashable, Sendable {
  /// What stands before an attribute's name in a header. Default `ce-`, as NATS and HTTP have it.
  public var attributePrefix = "ce-"
  /// Whether header values are percent-encoded, all but printable ASCII. Default yes.
  public var isPercentEncoded = true
  /// Whether `datacontenttype` is a header too, beside the message's own content type. Default yes.
  public var repeatsContentType = true
  /// Whether there is nothing that could carry attributes beside the body, nor its content type:
  /// every event is one document. Default no.
  public var isStructuredOnly = false

  /// The defaults documented at each member.
  public init() {}

  /// The defaults documented at each member.
  public static var defaults: Self { Self() }
}
