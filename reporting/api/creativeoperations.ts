import { type Operation, paging, yesNo } from './operation.ts';

/** What the API answers about what ads show, beside the creatives themselves. */
export const creativeOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/images',
    tag: 'Creatives',
    summary: 'Upload the image of an ad (the bytes, at most 512 KB), for a creative to name',
    body: 'Image',
    bodyType: 'image/*',
    answer: 'UploadedImage',
    status: 201,
  },
  {
    method: 'post',
    path: '/media',
    tag: 'Creatives',
    summary: 'Upload the video or sound of an ad (MP4, WebM, M4A, MP3; at most 20 MB); its length and size are told',
    body: 'Media',
    bodyType: 'video/*',
    answer: 'UploadedMedia',
    status: 201,
  },
  {
    method: 'get',
    path: '/ad-files',
    tag: 'Creatives',
    summary: 'Uploaded files of ads, newest first, and which ads show them',
    query: {
      kind: { schema: { type: 'string', enum: ['image', 'media'] } },
      used: yesNo('Only those that an ad shows, or that none does.'),
      ...paging,
    },
    answer: 'AdFileList',
  },
  {
    method: 'delete',
    path: '/ad-files/{id}',
    tag: 'Creatives',
    summary: 'Take an uploaded file back; one that an ad shows is refused (`file_in_use`)',
    answer: null,
    status: 204,
  },
  {
    method: 'post',
    path: '/previews',
    tag: 'Creatives',
    summary: 'Keep what an ad shows for five minutes, to look at it before it is saved',
    body: 'NewPreview',
    answer: 'Preview',
    status: 201,
  },
  {
    method: 'get',
    path: '/previews/{id}',
    tag: 'Creatives',
    summary: 'The ad that is not saved yet as HTML, for a sandboxed frame; for whoever sent it',
    answer: 'Anything',
  },
  {
    method: 'get',
    path: '/creatives/{id}/preview',
    tag: 'Creatives',
    summary: 'The ad as HTML, for a sandboxed frame',
    answer: 'Anything',
  },
];
