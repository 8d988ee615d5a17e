/// A change of a JSON Schema that keeps the new one's readers from the old one's data. Changes that
/// do not are not told.
struct JSONSchemaDifference: Hashable, Sendable {
  /// The kinds, by the names that the registry's answers have for them.
  enum Kind: String, Hashable, Sendable {
    case typeChanged = "TYPE_CHANGED"
    case typeNarrowed = "TYPE_NARROWED"
    case schemaAdded = "SCHEMA_ADDED"
    case maxLengthAdded = "MAX_LENGTH_ADDED"
    case maxLengthDecreased = "MAX_LENGTH_DECREASED"
    case minLengthAdded = "MIN_LENGTH_ADDED"
    case minLengthIncreased = "MIN_LENGTH_INCREASED"
    case patternAdded = "PATTERN_ADDED"
    case patternChanged = "PATTERN_CHANGED"
    case maximumAdded = "MAXIMUM_ADDED"
    case maximumDecreased = "MAXIMUM_DECREASED"
    case minimumAdded = "MINIMUM_ADDED"
    case minimumIncreased = "MINIMUM_INCREASED"
    case exclusiveMaximumAdded = "EXCLUSIVE_MAXIMUM_ADDED"
    case exclusiveMaximumDecreased = "EXCLUSIVE_MAXIMUM_DECREASED"
    case exclusiveMinimumAdded = "EXCLUSIVE_MINIMUM_ADDED"
    case exclusiveMinimumIncreased = "EXCLUSIVE_MINIMUM_INCREASED"
    case multipleOfAdded = "MULTIPLE_OF_ADDED"
    case multipleOfExpanded = "MULTIPLE_OF_EXPANDED"
    case multipleOfChanged = "MULTIPLE_OF_CHANGED"
    case requiredAttributeAdded = "REQUIRED_ATTRIBUTE_ADDED"
    case maxPropertiesAdded = "MAX_PROPERTIES_ADDED"
    case maxPropertiesDecreased = "MAX_PROPERTIES_DECREASED"
    case minPropertiesAdded = "MIN_PROPERTIES_ADDED"
    case minPropertiesIncreased = "MIN_PROPERTIES_INCREASED"
    case additionalPropertiesRemoved = "ADDITIONAL_PROPERTIES_REMOVED"
    case additionalPropertiesNarrowed = "ADDITIONAL_PROPERTIES_NARROWED"
    case unevaluatedPropertiesRemoved = "UNEVALUATED_PROPERTIES_REMOVED"
    case unevaluatedPropertiesNarrowed = "UNEVALUATED_PROPERTIES_NARROWED"
    case dependencyArrayAdded = "DEPENDENCY_ARRAY_ADDED"
    case dependencyArrayExtended = "DEPENDENCY_ARRAY_EXTENDED"
    case dependencyArrayChanged = "DEPENDENCY_ARRAY_CHANGED"
    case dependencySchemaAdded = "DEPENDENCY_SCHEMA_ADDED"
    case propertyRemovedFromClosed = "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"
    case propertyRemovedNotCovered =
      "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
    case propertyAddedNotCovered = "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
    case requiredPropertyAddedToUnopen = "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"
    case requiredPropertyAddedToOpen = "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
    case requiredPropertyWithDefaultAddedToOpen =
      "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"
    case optionalPropertyAddedToOpen = "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
    case maxItemsAdded = "MAX_ITEMS_ADDED"
    case maxItemsDecreased = "MAX_ITEMS_DECREASED"
    case minItemsAdded = "MIN_ITEMS_ADDED"
    case minItemsIncreased = "MIN_ITEMS_INCREASED"
    case maxContainsAdded = "MAX_CONTAINS_ADDED"
    case maxContainsDecreased = "MAX_CONTAINS_DECREASED"
    case minContainsAdded = "MIN_CONTAINS_ADDED"
    case minContainsIncreased = "MIN_CONTAINS_INCREASED"
    case uniqueItemsAdded = "UNIQUE_ITEMS_ADDED"
    case additionalItemsRemoved = "ADDITIONAL_ITEMS_REMOVED"
    case additionalItemsNarrowed = "ADDITIONAL_ITEMS_NARROWED"
    case unevaluatedItemsRemoved = "UNEVALUATED_ITEMS_REMOVED"
    case unevaluatedItemsNarrowed = "UNEVALUATED_ITEMS_NARROWED"
    case itemRemovedFromClosed = "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL"
    case itemRemovedNotCovered = "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
    case itemAddedToOpen = "ITEM_ADDED_TO_OPEN_CONTENT_MODEL"
    case itemAddedNotCovered = "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"
    case enumNarrowed = "ENUM_ARRAY_NARROWED"
    case enumChanged = "ENUM_ARRAY_CHANGED"
    case combinedTypeChanged = "COMBINED_TYPE_CHANGED"
    case productTypeExtended = "PRODUCT_TYPE_EXTENDED"
    case sumTypeNarrowed = "SUM_TYPE_NARROWED"
    case combinedSubschemasChanged = "COMBINED_TYPE_SUBSCHEMAS_CHANGED"
    case notTypeExtended = "NOT_TYPE_EXTENDED"
    /// A name is to be matched by an expression that this registry does not understand.
    case patternNotUnderstood = "PATTERN_NOT_UNDERSTOOD"
  }

  var kind: Kind
  /// Where, below the schemas that were compared.
  var path: String

  /// As the registry's answers say it.
  func message(reader: String, writer: String) -> String {
    let words = self.kind.rawValue.lowercased().replacing("_", with: " ")
    return "{errorType:\"\(self.kind.rawValue)\", description:\"At path '#\(self.path)' the "
      + "\(reader) schema cannot read all that the \(writer) schema allows: \(words)\"}"
  }
}
