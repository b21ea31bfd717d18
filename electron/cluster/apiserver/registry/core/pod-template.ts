import type { KubeObject } from '#shared/kube/object.ts'
import { columnsOf, nameColumn } from '../columns/common.ts'
import { containerImages, containerNames, formatLabels } from '../columns/format.ts'
import { templateWarnings } from './pod/warnings.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { defaultTemplate } from './pod/defaults.ts'
import { validateTemplate } from './pod/template.ts'
import type { PodTemplateSpec } from './pod/types.ts'

type PodTemplate = KubeObject & { template?: PodTemplateSpec }

const column = columnsOf<PodTemplate>('PodTemplate')

const define = kindsOf('', 'v1')

export const podTemplate: KindDefinition<PodTemplate> = define<PodTemplate>({
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  rules: {
    defaults: (object) => defaultTemplate((object.template ??= {})),
    desired: ({ template }) => template,
    more: {
      warnings: templateWarnings<PodTemplate>(({ template }) => template, 'template', false),
      answersDeleted: true,
    },
    validate: ({ template }) => validateTemplate(template ?? {}, 'template'),
  },
  columns: [
    nameColumn,
    column('Containers', ({ template }) => containerNames(template)),
    column('Images', ({ template }) => containerImages(template)),
    column('Pod Labels', ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
})
