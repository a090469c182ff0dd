// Clusters in shadow maps: all maps of an atlas at once, each cut off at its edges. Needs cluster_frame.glsl.

struct ShadowVertex {
    vec4 position; // in the atlas
    vec4 inside;   // distances from the edges of the map
};

ShadowVertex shadow_vertex(Globals globals, ClusterFrame frame, VisibleCluster seen, Cluster c, uint vertex) {
    ClusterView view = frame.views.at[seen.cluster >> VISIBLE_VIEW_SHIFT];
    vec3 relative = cluster_relative(globals, seen, c, vertex);
    vec4 clip = view.clip_from_relative * vec4(relative, 1.0);
    ShadowVertex v;
    v.inside = vec4(clip.w - clip.x, clip.w + clip.x, clip.w - clip.y, clip.w + clip.y);
    v.position = vec4(clip.xy * view.rect.xy + clip.w * view.rect.zw, clip.zw);
    return v;
}
