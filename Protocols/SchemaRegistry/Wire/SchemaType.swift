/// The languages in which schemas are written, by the names that the registry's API has for them.
public enum SchemaType: String, Hashable, Sendable, CaseIterable {
  /// Apache Avro; what is meant where nothing is said.
  case avro = "AVRO"
  /// JSON Schema.
  case json = "JSON"
  /// Protocol Buffers.
  case protobuf = "PROTOBUF"
}
