//! The functions, types and operators of well-known extensions that a statement may use.
//!
//! The lists match PostgreSQL 15 and 18, pgvector 0.8 and `PostGIS` 3.3. `tests/suite/server_extensions.rs`
//! compares them with the catalog, and lists each omitted function with the reason: it reads a table named by
//! a string, changes a setting, or is internal to the extension.

/// An extension with functions, types and operators that are known to use only their arguments.
///
/// ```
/// use watertight::Extension;
///
/// assert!(Extension::PgTrgm.functions().contains(&"similarity"));
/// assert_eq!(Extension::PgVector.types(), ["halfvec", "sparsevec", "vector"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// `pg_trgm`: similarity of texts by trigrams.
    PgTrgm,
    /// `unaccent`: texts without accents.
    Unaccent,
    /// `fuzzystrmatch`: similarity of texts by sound and by edits.
    FuzzyStrMatch,
    /// `citext`: texts that compare without regard to case.
    Citext,
    /// `hstore`: sets of keys and values.
    Hstore,
    /// `ltree`: labels in a tree.
    Ltree,
    /// pgvector, which installs itself as `vector`: vectors and their distances.
    PgVector,
    /// `PostGIS`, which installs itself as `postgis`: geometries and geographies.
    PostGis,
}

/// The names that statements may use of an extension, in lower case and sorted.
#[derive(Debug)]
pub(crate) struct Preset {
    pub(crate) functions: &'static [&'static str],
    /// The functions that share a name with a function of PostgreSQL.
    pub(crate) overloads: &'static [&'static str],
    pub(crate) types: &'static [&'static str],
    pub(crate) operators: &'static [&'static str],
}

impl Extension {
    /// Every extension with a preset.
    pub const ALL: [Self; 8] = [
        Self::PgTrgm,
        Self::Unaccent,
        Self::FuzzyStrMatch,
        Self::Citext,
        Self::Hstore,
        Self::Ltree,
        Self::PgVector,
        Self::PostGis,
    ];

    /// The name in `CREATE EXTENSION`.
    ///
    /// ```
    /// assert_eq!(watertight::Extension::PgVector.name(), "vector");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PgTrgm => "pg_trgm",
            Self::Unaccent => "unaccent",
            Self::FuzzyStrMatch => "fuzzystrmatch",
            Self::Citext => "citext",
            Self::Hstore => "hstore",
            Self::Ltree => "ltree",
            Self::PgVector => "vector",
            Self::PostGis => "postgis",
        }
    }

    /// The functions that statements may call, aggregates included.
    #[must_use]
    pub const fn functions(self) -> &'static [&'static str] {
        self.preset().functions
    }

    /// The [functions](Self::functions) that overload a function of PostgreSQL, such as `replace` of
    /// `citext`.
    #[must_use]
    pub const fn overloads(self) -> &'static [&'static str] {
        self.preset().overloads
    }

    /// The types that statements may name.
    #[must_use]
    pub const fn types(self) -> &'static [&'static str] {
        self.preset().types
    }

    /// The names of the operators.
    #[must_use]
    pub const fn operators(self) -> &'static [&'static str] {
        self.preset().operators
    }

    pub(crate) const fn preset(self) -> &'static Preset {
        match self {
            Self::PgTrgm => &PG_TRGM,
            Self::Unaccent => &UNACCENT,
            Self::FuzzyStrMatch => &FUZZYSTRMATCH,
            Self::Citext => &CITEXT,
            Self::Hstore => &HSTORE,
            Self::Ltree => &LTREE,
            Self::PgVector => &VECTOR,
            Self::PostGis => &POSTGIS,
        }
    }
}

#[rustfmt::skip]
static PG_TRGM: Preset = Preset {
    functions: &[
        "show_limit", "show_trgm", "similarity", "similarity_dist", "similarity_op", "strict_word_similarity",
        "strict_word_similarity_commutator_op", "strict_word_similarity_dist_commutator_op",
        "strict_word_similarity_dist_op", "strict_word_similarity_op", "word_similarity",
        "word_similarity_commutator_op", "word_similarity_dist_commutator_op", "word_similarity_dist_op",
        "word_similarity_op",
    ],
    overloads: &[],
    types: &[],
    operators: &["%", "%>", "%>>", "<%", "<->", "<->>", "<->>>", "<<%", "<<->", "<<<->"],
};

#[rustfmt::skip]
static UNACCENT: Preset = Preset {
    functions: &["unaccent"],
    overloads: &[],
    types: &[],
    operators: &[],
};

#[rustfmt::skip]
static FUZZYSTRMATCH: Preset = Preset {
    functions: &[
        "daitch_mokotoff", "difference", "dmetaphone", "dmetaphone_alt", "levenshtein", "levenshtein_less_equal",
        "metaphone", "soundex", "text_soundex",
    ],
    overloads: &[],
    types: &[],
    operators: &[],
};

#[rustfmt::skip]
static CITEXT: Preset = Preset {
    functions: &[
        "citext", "citext_cmp", "citext_eq", "citext_ge", "citext_gt", "citext_hash", "citext_hash_extended",
        "citext_larger", "citext_le", "citext_lt", "citext_ne", "citext_pattern_cmp", "citext_pattern_ge",
        "citext_pattern_gt", "citext_pattern_le", "citext_pattern_lt", "citext_smaller", "citextsend", "max",
        "min", "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
        "regexp_split_to_table", "replace", "split_part", "strpos", "texticlike", "texticnlike", "texticregexeq",
        "texticregexne", "translate",
    ],
    overloads: &[
        "max", "min", "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
        "regexp_split_to_table", "replace", "split_part", "strpos", "texticlike", "texticnlike", "texticregexeq",
        "texticregexne", "translate",
    ],
    types: &["citext"],
    operators: &[
        "!~", "!~*", "!~~", "!~~*", "<", "<=", "<>", "=", ">", ">=", "~", "~*", "~<=~", "~<~", "~>=~", "~>~", "~~",
        "~~*",
    ],
};

#[rustfmt::skip]
static HSTORE: Preset = Preset {
    functions: &[
        "akeys", "avals", "defined", "delete", "each", "exist", "exists_all", "exists_any", "fetchval",
        "hs_concat", "hs_contained", "hs_contains", "hstore", "hstore_cmp", "hstore_eq", "hstore_ge", "hstore_gt",
        "hstore_hash", "hstore_hash_extended", "hstore_le", "hstore_lt", "hstore_ne", "hstore_send",
        "hstore_to_array", "hstore_to_json", "hstore_to_json_loose", "hstore_to_jsonb", "hstore_to_jsonb_loose",
        "hstore_to_matrix", "hstore_version_diag", "isdefined", "isexists", "populate_record", "skeys", "slice",
        "slice_array", "svals", "tconvert",
    ],
    overloads: &[],
    types: &["hstore"],
    operators: &[
        "#<#", "#<=#", "#=", "#>#", "#>=#", "%#", "%%", "-", "->", "<>", "<@", "=", "?", "?&", "?|", "@>", "||",
    ],
};

#[rustfmt::skip]
static LTREE: Preset = Preset {
    functions: &[
        "_lt_q_regex", "_lt_q_rregex", "_ltq_extract_regex", "_ltq_regex", "_ltq_rregex",
        "_ltree_extract_isparent", "_ltree_extract_risparent", "_ltree_isparent", "_ltree_r_isparent",
        "_ltree_r_risparent", "_ltree_risparent", "_ltxtq_exec", "_ltxtq_extract_exec", "_ltxtq_rexec",
        "hash_ltree", "hash_ltree_extended", "index", "lca", "lquery_send", "lt_q_regex", "lt_q_rregex",
        "ltq_regex", "ltq_rregex", "ltree2text", "ltree_addltree", "ltree_addtext", "ltree_cmp", "ltree_eq",
        "ltree_ge", "ltree_gt", "ltree_isparent", "ltree_le", "ltree_lt", "ltree_ne", "ltree_risparent",
        "ltree_send", "ltree_textadd", "ltxtq_exec", "ltxtq_rexec", "ltxtq_send", "nlevel", "subltree", "subpath",
        "text2ltree",
    ],
    overloads: &[],
    types: &["lquery", "ltree", "ltxtquery"],
    operators: &[
        "<", "<=", "<>", "<@", "=", ">", ">=", "?", "?<@", "?@", "?@>", "?~", "@", "@>", "^<@", "^?", "^@", "^@>",
        "^~", "||", "~",
    ],
};

#[rustfmt::skip]
static VECTOR: Preset = Preset {
    functions: &[
        "array_to_halfvec", "array_to_sparsevec", "array_to_vector", "avg", "binary_quantize", "cosine_distance",
        "halfvec", "halfvec_add", "halfvec_cmp", "halfvec_concat", "halfvec_eq", "halfvec_ge", "halfvec_gt",
        "halfvec_l2_squared_distance", "halfvec_le", "halfvec_lt", "halfvec_mul", "halfvec_ne",
        "halfvec_negative_inner_product", "halfvec_send", "halfvec_spherical_distance", "halfvec_sub",
        "halfvec_to_float4", "halfvec_to_sparsevec", "halfvec_to_vector", "hamming_distance", "inner_product",
        "jaccard_distance", "l1_distance", "l2_distance", "l2_norm", "l2_normalize", "sparsevec", "sparsevec_cmp",
        "sparsevec_eq", "sparsevec_ge", "sparsevec_gt", "sparsevec_l2_squared_distance", "sparsevec_le",
        "sparsevec_lt", "sparsevec_ne", "sparsevec_negative_inner_product", "sparsevec_send",
        "sparsevec_to_halfvec", "sparsevec_to_vector", "subvector", "sum", "vector", "vector_add", "vector_cmp",
        "vector_concat", "vector_dims", "vector_eq", "vector_ge", "vector_gt", "vector_l2_squared_distance",
        "vector_le", "vector_lt", "vector_mul", "vector_ne", "vector_negative_inner_product", "vector_norm",
        "vector_send", "vector_spherical_distance", "vector_sub", "vector_to_float4", "vector_to_halfvec",
        "vector_to_sparsevec",
    ],
    overloads: &["avg", "sum"],
    types: &["halfvec", "sparsevec", "vector"],
    operators: &["*", "+", "-", "<", "<#>", "<%>", "<+>", "<->", "<=", "<=>", "<>", "<~>", "=", ">", ">=", "||"],
};

#[rustfmt::skip]
static POSTGIS: Preset = Preset {
    functions: &[
        "box", "box2d", "box3d", "box3dtobox", "bytea", "contains_2d", "equals", "geography", "geography_cmp",
        "geography_distance_knn", "geography_eq", "geography_ge", "geography_gt", "geography_le", "geography_lt",
        "geography_overlaps", "geography_send", "geometry", "geometry_above", "geometry_below", "geometry_cmp",
        "geometry_contained_3d", "geometry_contains", "geometry_contains_3d", "geometry_contains_nd",
        "geometry_distance_box", "geometry_distance_centroid", "geometry_distance_centroid_nd",
        "geometry_distance_cpa", "geometry_eq", "geometry_ge", "geometry_gt", "geometry_hash", "geometry_le",
        "geometry_left", "geometry_lt", "geometry_overabove", "geometry_overbelow", "geometry_overlaps",
        "geometry_overlaps_3d", "geometry_overlaps_nd", "geometry_overleft", "geometry_overright",
        "geometry_right", "geometry_same", "geometry_same_3d", "geometry_same_nd", "geometry_send",
        "geometry_within", "geometry_within_nd", "geometrytype", "geomfromewkb", "geomfromewkt", "is_contained_2d",
        "json", "jsonb", "overlaps_2d", "overlaps_geog", "overlaps_nd", "path", "point", "polygon",
        "postgis_addbbox", "postgis_dropbbox", "postgis_geos_version", "postgis_getbbox", "postgis_hasbbox",
        "postgis_lib_build_date", "postgis_lib_revision", "postgis_lib_version", "postgis_libjson_version",
        "postgis_liblwgeom_version", "postgis_libprotobuf_version", "postgis_libxml_version",
        "postgis_proj_version", "postgis_scripts_build_date", "postgis_scripts_installed",
        "postgis_scripts_released", "postgis_svn_version", "postgis_version", "postgis_wagyu_version",
        "st_3dclosestpoint", "st_3ddfullywithin", "st_3ddistance", "st_3ddwithin", "st_3dextent",
        "st_3dintersects", "st_3dlength", "st_3dlineinterpolatepoint", "st_3dlongestline", "st_3dmakebox",
        "st_3dmaxdistance", "st_3dperimeter", "st_3dshortestline", "st_addmeasure", "st_addpoint", "st_affine",
        "st_angle", "st_area", "st_area2d", "st_asbinary", "st_asencodedpolyline", "st_asewkb", "st_asewkt",
        "st_asflatgeobuf", "st_asgeobuf", "st_asgeojson", "st_asgml", "st_ashexewkb", "st_askml",
        "st_aslatlontext", "st_asmarc21", "st_asmvt", "st_asmvtgeom", "st_assvg", "st_astext", "st_astwkb",
        "st_asx3d", "st_azimuth", "st_bdmpolyfromtext", "st_bdpolyfromtext", "st_boundary", "st_boundingdiagonal",
        "st_box2dfromgeohash", "st_buffer", "st_buildarea", "st_centroid", "st_chaikinsmoothing",
        "st_cleangeometry", "st_clipbybox2d", "st_closestpoint", "st_closestpointofapproach", "st_clusterdbscan",
        "st_clusterintersecting", "st_clusterkmeans", "st_clusterwithin", "st_collect", "st_collectionextract",
        "st_collectionhomogenize", "st_combinebbox", "st_concavehull", "st_contains", "st_containsproperly",
        "st_convexhull", "st_coorddim", "st_coveredby", "st_covers", "st_cpawithin", "st_crosses",
        "st_curvetoline", "st_delaunaytriangles", "st_dfullywithin", "st_difference", "st_dimension",
        "st_disjoint", "st_distance", "st_distancecpa", "st_distancesphere", "st_distancespheroid", "st_dump",
        "st_dumppoints", "st_dumprings", "st_dumpsegments", "st_dwithin", "st_endpoint", "st_envelope",
        "st_equals", "st_expand", "st_extent", "st_exteriorring", "st_filterbym", "st_flipcoordinates",
        "st_force2d", "st_force3d", "st_force3dm", "st_force3dz", "st_force4d", "st_forcecollection",
        "st_forcecurve", "st_forcepolygonccw", "st_forcepolygoncw", "st_forcerhr", "st_forcesfs",
        "st_frechetdistance", "st_fromflatgeobuf", "st_generatepoints", "st_geogfromtext", "st_geogfromwkb",
        "st_geographyfromtext", "st_geohash", "st_geomcollfromtext", "st_geomcollfromwkb", "st_geometricmedian",
        "st_geometryfromtext", "st_geometryn", "st_geometrytype", "st_geomfromewkb", "st_geomfromewkt",
        "st_geomfromgeohash", "st_geomfromgeojson", "st_geomfromgml", "st_geomfromkml", "st_geomfrommarc21",
        "st_geomfromtext", "st_geomfromtwkb", "st_geomfromwkb", "st_gmltosql", "st_hasarc", "st_hausdorffdistance",
        "st_hexagon", "st_hexagongrid", "st_interiorringn", "st_interpolatepoint", "st_intersection",
        "st_intersects", "st_isclosed", "st_iscollection", "st_isempty", "st_ispolygonccw", "st_ispolygoncw",
        "st_isring", "st_issimple", "st_isvalid", "st_isvaliddetail", "st_isvalidreason", "st_isvalidtrajectory",
        "st_length", "st_length2d", "st_length2dspheroid", "st_lengthspheroid", "st_letters",
        "st_linecrossingdirection", "st_linefromencodedpolyline", "st_linefrommultipoint", "st_linefromtext",
        "st_linefromwkb", "st_lineinterpolatepoint", "st_lineinterpolatepoints", "st_linelocatepoint",
        "st_linemerge", "st_linestringfromwkb", "st_linesubstring", "st_linetocurve", "st_locatealong",
        "st_locatebetween", "st_locatebetweenelevations", "st_longestline", "st_m", "st_makebox2d",
        "st_makeenvelope", "st_makeline", "st_makepoint", "st_makepointm", "st_makepolygon", "st_makevalid",
        "st_maxdistance", "st_maximuminscribedcircle", "st_memcollect", "st_memsize", "st_memunion",
        "st_minimumboundingcircle", "st_minimumboundingradius", "st_minimumclearance", "st_minimumclearanceline",
        "st_mlinefromtext", "st_mlinefromwkb", "st_mpointfromtext", "st_mpointfromwkb", "st_mpolyfromtext",
        "st_mpolyfromwkb", "st_multi", "st_multilinefromwkb", "st_multilinestringfromtext",
        "st_multipointfromtext", "st_multipointfromwkb", "st_multipolyfromwkb", "st_multipolygonfromtext",
        "st_ndims", "st_node", "st_normalize", "st_npoints", "st_nrings", "st_numgeometries", "st_numinteriorring",
        "st_numinteriorrings", "st_numpatches", "st_numpoints", "st_offsetcurve", "st_orderingequals",
        "st_orientedenvelope", "st_overlaps", "st_patchn", "st_perimeter", "st_perimeter2d", "st_point",
        "st_pointfromgeohash", "st_pointfromtext", "st_pointfromwkb", "st_pointinsidecircle", "st_pointm",
        "st_pointn", "st_pointonsurface", "st_points", "st_pointz", "st_pointzm", "st_polyfromtext",
        "st_polyfromwkb", "st_polygon", "st_polygonfromtext", "st_polygonfromwkb", "st_polygonize", "st_project",
        "st_quantizecoordinates", "st_reduceprecision", "st_relate", "st_relatematch", "st_removepoint",
        "st_removerepeatedpoints", "st_reverse", "st_rotate", "st_rotatex", "st_rotatey", "st_rotatez", "st_scale",
        "st_scroll", "st_segmentize", "st_seteffectivearea", "st_setpoint", "st_setsrid", "st_sharedpaths",
        "st_shiftlongitude", "st_shortestline", "st_simplify", "st_simplifypolygonhull",
        "st_simplifypreservetopology", "st_simplifyvw", "st_snap", "st_snaptogrid", "st_split", "st_square",
        "st_squaregrid", "st_srid", "st_startpoint", "st_subdivide", "st_summary", "st_symdifference",
        "st_symmetricdifference", "st_tileenvelope", "st_touches", "st_transform", "st_translate", "st_transscale",
        "st_triangulatepolygon", "st_unaryunion", "st_union", "st_voronoilines", "st_voronoipolygons", "st_within",
        "st_wkbtosql", "st_wkttosql", "st_wrapx", "st_x", "st_xmax", "st_xmin", "st_y", "st_ymax", "st_ymin",
        "st_z", "st_zmax", "st_zmflag", "st_zmin", "text",
    ],
    overloads: &["box", "bytea", "path", "point", "polygon", "text"],
    types: &["box2d", "box3d", "geography", "geometry", "geometry_dump", "spheroid", "valid_detail"],
    operators: &[
        "&&", "&&&", "&/&", "&<", "&<|", "&>", "<", "<#>", "<->", "<<", "<<->>", "<<@", "<<|", "<=", "=", ">",
        ">=", ">>", "@", "@>>", "@@", "|&>", "|=|", "|>>", "~", "~=", "~==", "~~", "~~=",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_free_of_repetition() {
        for extension in Extension::ALL {
            let Preset { functions, overloads, types, operators } = extension.preset();
            for list in [functions, overloads, types, operators] {
                assert!(list.is_sorted_by(|a, b| a < b), "{extension:?}: {list:?}");
            }
            assert!(overloads.iter().all(|name| functions.contains(name)), "{extension:?}");
        }
    }
}
