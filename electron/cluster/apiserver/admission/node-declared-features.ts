import type { Node, Pod } from 'kubernetes-types/core/v1'
import { featuresToUpdate, undeclared } from '#shared/kube/declared-features.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { forbidden } from './request.ts'

/** A pod on a node becomes only what that can make of it. Source: plugin/pkg/admission/nodedeclaredfeatures. */
export const nodeDeclaredFeatureValidator: AdmissionPlugin = {
  name: 'NodeDeclaredFeatureValidator',
  validate(request) {
    const { kind, subresource, operation } = request
    if (operation !== 'UPDATE' || kind.group !== '' || kind.plural !== 'pods') return
    if (subresource !== '' && subresource !== 'resize') return
    const { object, old } = request as { object?: Pod; old?: Pod }
    const nodeName = object?.spec?.nodeName
    if (!nodeName || !old?.spec || old.metadata?.generation === object.metadata?.generation) return
    const features = featuresToUpdate(old.spec, object.spec!, object.status)
    if (!features.length) return
    const node = request.services.get<Node>({ group: '', plural: 'nodes' }, undefined, nodeName)
    if (!node) throw forbidden(request, `node ${JSON.stringify(nodeName)} not found`)
    const missing = undeclared(node, features)
    if (!missing.length) return
    const text = `pod update requires features ${missing.join(', ')} which are not available on node`
    throw forbidden(request, `${text} ${JSON.stringify(nodeName)}`)
  },
}
